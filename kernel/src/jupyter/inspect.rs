//! Inspection: the tooltip.

use jupyter_protocol::{InspectReply, InspectRequest, Media, MediaType};

use super::Kernel;
use super::complete::to_byte;

pub async fn reply(kernel: &Kernel, request: &InspectRequest) -> InspectReply {
    let position = to_byte(&request.code, request.cursor_pos);
    match kernel.session.inspect(&request.code, position).await {
        Some(found) => InspectReply {
            found: true,
            data: Media::new(vec![MediaType::Plain(found.plain), MediaType::Html(found.html)]),
            ..Default::default()
        },
        None => InspectReply { found: false, ..Default::default() },
    }
}
