//! Messages from the frontend.

use jupyter_protocol::{Header, JupyterMessage, JupyterMessageContent, UnknownMessage};
use jupyter_zmq_client::{RawMessage, RouterRecvConnection, RuntimeError};
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};
use zeromq::SocketRecv;

use super::{Kernel, trust};

/// Reads the next message. Unreadable messages are logged and dropped: a wrong or repeated signature, a malformed
/// message. A message with unexpected content becomes an [`UnknownMessage`]: see [`fault`].
pub async fn read(
    kernel: &Kernel,
    connection: &mut RouterRecvConnection,
    socket: &str,
) -> Option<JupyterMessage> {
    let multipart = match connection.socket.recv().await {
        Ok(multipart) => multipart,
        Err(error) => {
            log::warn!("{socket}: {error}");
            // A broken socket must not cause a busy loop.
            sleep(Duration::from_millis(10)).await;
            return None;
        }
    };
    let signature = connection.mac.as_ref().and_then(|_| trust::signature(&multipart));
    let dropped = |why: &str| log::warn!("a message on {socket} was dropped: {why}");
    match RawMessage::from_multipart(multipart, &connection.mac) {
        Err(RuntimeError::VerifyError(_)) => dropped("its signature is wrong"),
        Err(error) => dropped(&error.to_string()),
        Ok(_) if kernel.seen().again(signature) => dropped("it has come before"),
        Ok(raw) => match parse(raw) {
            Ok(message) => return Some(message),
            Err(error) => dropped(&error.to_string()),
        },
    }
    None
}

/// What is wrong with a message that [`read`] could not make sense of; `None` if its kind is not known.
pub fn fault(message: &UnknownMessage) -> Option<String> {
    let parsed = JupyterMessageContent::from_type_and_content(&message.msg_type, message.content.clone());
    parsed.err().map(|error| format!("the {} is malformed: {error}", message.msg_type))
}

fn parse(raw: RawMessage) -> Result<JupyterMessage, RuntimeError> {
    let part =
        |index: usize| raw.jparts.get(index).ok_or(RuntimeError::InsufficientMessageParts(raw.jparts.len()));
    let header: Header = serde_json::from_slice(part(0)?)?;
    let mut content: Value = serde_json::from_slice(part(3)?)?;
    fill_in(&header.msg_type, &mut content);
    let parsed = JupyterMessageContent::from_type_and_content(&header.msg_type, content.clone());
    let unknown = || UnknownMessage { msg_type: header.msg_type.clone(), content };
    let content = parsed.unwrap_or_else(|_| unknown().into());
    Ok(JupyterMessage {
        // An empty parent header counts as none.
        parent_header: serde_json::from_slice(part(1)?).ok(),
        metadata: serde_json::from_slice(part(2)?)?,
        buffers: raw.jparts.get(4..).unwrap_or_default().to_vec(),
        zmq_identities: raw.zmq_identities,
        channel: None,
        header,
        content,
    })
}

/// Fills in fields that are optional in the protocol but required by the typed messages.
fn fill_in(kind: &str, content: &mut Value) {
    let defaults = match kind {
        "execute_request" => json!({ "silent": false, "store_history": true, "user_expressions": {} }),
        "history_request" => json!({
            "output": false, "raw": true, "session": 0, "start": 0, "stop": 0, "n": 0, "unique": false, "pattern": "*"
        }),
        "comm_open" | "comm_msg" | "comm_close" => json!({ "data": {} }),
        "shutdown_request" => json!({ "restart": false }),
        "complete_request" | "inspect_request" => {
            // A missing position means the end; a negative one means the start.
            let length = content["code"].as_str().map_or(0, |code| code.chars().count());
            if content["cursor_pos"].as_i64().is_some_and(|position| position < 0) {
                content["cursor_pos"] = 0.into();
            }
            json!({ "cursor_pos": length, "detail_level": 0 })
        }
        _ => return,
    };
    if let (Some(content), Value::Object(defaults)) = (content.as_object_mut(), defaults) {
        for (name, value) in defaults {
            let given = content.entry(name).or_insert(Value::Null);
            if given.is_null() {
                *given = value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jupyter_protocol::HistoryRequest;

    use super::*;

    fn raw(kind: &str, content: &str) -> RawMessage {
        let header =
            json!({ "msg_id": "1", "username": "", "session": "", "msg_type": kind, "version": "5.4" });
        let parts = [header.to_string(), "{}".into(), "{}".into(), content.to_owned()];
        RawMessage {
            zmq_identities: Vec::new(),
            jparts: parts.into_iter().map(|part| part.into_bytes().into()).collect(),
        }
    }

    #[test]
    fn what_may_be_left_out_is_filled_in() {
        let message =
            parse(raw("history_request", r#"{"hist_access_type": "search", "pattern": "a", "n": null}"#))
                .unwrap();
        let JupyterMessageContent::HistoryRequest(HistoryRequest::Search { pattern, unique, n, .. }) =
            message.content
        else {
            panic!("{message:?}")
        };
        assert_eq!((pattern.as_str(), unique, n), ("a", false, 0));
        let message = parse(raw("execute_request", r#"{"code": "1"}"#)).unwrap();
        let JupyterMessageContent::ExecuteRequest(execute) = message.content else { panic!("{message:?}") };
        assert!(execute.store_history && execute.stop_on_error && !execute.silent);
    }

    #[test]
    fn positions_are_in_the_code() {
        for (cursor, expected) in [("-3", 0), ("1", 1), ("null", 2)] {
            let content = format!(r#"{{"code": "é1", "cursor_pos": {cursor}}}"#);
            let message = parse(raw("complete_request", &content)).unwrap();
            let JupyterMessageContent::CompleteRequest(complete) = message.content else {
                panic!("{message:?}")
            };
            assert_eq!(complete.cursor_pos, expected);
        }
    }

    #[test]
    fn a_malformed_content_has_a_fault_and_an_unknown_kind_has_none() {
        for (kind, content, wrong) in [
            ("execute_request", "{}", true),
            ("execute_request", r#"{"code": 3}"#, true),
            ("complete_request", r#"["code"]"#, true),
            ("nonsense_request", "{}", false),
        ] {
            let message = parse(raw(kind, content)).unwrap();
            let JupyterMessageContent::UnknownMessage(unknown) = message.content else {
                panic!("{message:?}")
            };
            assert_eq!(fault(&unknown).is_some(), wrong, "{kind} {content}");
        }
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        assert!(parse(raw("execute_request", "[")).is_err());
        assert!(parse(RawMessage { zmq_identities: Vec::new(), jparts: Vec::new() }).is_err());
    }
}
