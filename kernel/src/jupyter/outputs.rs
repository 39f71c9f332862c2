//! A cell's events as messages.

use jupyter_protocol::{
    ClearOutput, DisplayData, ExecuteResult, ExecutionCount, JupyterMessage, JupyterMessageContent,
    StreamContent, Transient, UpdateDisplayData,
};

use super::message::{media, publish};
use crate::session::{Event, Stream};

/// The message for an event of the cell that `request` asked for.
pub fn to_message(event: Event, count: ExecutionCount, request: &JupyterMessage) -> JupyterMessage {
    let content: JupyterMessageContent = match event {
        Event::Text { stream: Stream::Stdout, text } => StreamContent::stdout(&text).into(),
        Event::Text { stream: Stream::Stderr, text } => StreamContent::stderr(&text).into(),
        Event::Display { data, metadata, display_id } => DisplayData {
            data: media(data),
            metadata,
            transient: display_id.map(|id| Transient { display_id: Some(id) }),
        }
        .into(),
        Event::Update { data, metadata, display_id } => {
            let transient = Transient { display_id: Some(display_id) };
            UpdateDisplayData { data: media(data), metadata, transient }.into()
        }
        Event::Result { data, metadata, display_id } => ExecuteResult {
            execution_count: count,
            data: media(data),
            metadata,
            transient: Some(Transient { display_id }),
        }
        .into(),
        Event::Clear { wait } => ClearOutput { wait }.into(),
    };
    publish(content, request)
}
