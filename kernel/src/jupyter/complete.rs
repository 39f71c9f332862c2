//! Completions.

use jupyter_protocol::{CompleteReply, CompleteRequest, ReplyStatus};
use serde_json::{Map, Value, json};

use super::Kernel;

pub async fn reply(kernel: &Kernel, request: &CompleteRequest) -> CompleteReply {
    let position = to_byte(&request.code, request.cursor_pos);
    let found = kernel.session.complete(&request.code, position).await;
    let (start, end) = (to_char(&request.code, found.start), to_char(&request.code, found.end));
    let typed: Vec<Value> = found
        .matches
        .iter()
        .map(|(text, kind)| json!({ "text": text, "type": kind, "start": start, "end": end }))
        .collect();
    CompleteReply {
        matches: found.matches.into_iter().map(|(text, _)| text).collect(),
        cursor_start: start,
        cursor_end: end,
        metadata: Map::from_iter([("_jupyter_types_experimental".to_owned(), Value::Array(typed))]),
        status: ReplyStatus::Ok,
        error: None,
    }
}

/// Jupyter counts code points, Rust counts bytes.
pub fn to_byte(code: &str, chars: usize) -> usize {
    code.char_indices().nth(chars).map_or(code.len(), |(at, _)| at)
}

fn to_char(code: &str, byte: usize) -> usize {
    code.char_indices().take_while(|(at, _)| *at < byte).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_code_points() {
        let code = "let 🌺 = é.le";
        assert_eq!(&code[to_byte(code, 4)..], "🌺 = é.le");
        assert_eq!(to_byte(code, 99), code.len());
        for chars in 0..=code.chars().count() {
            assert_eq!(to_char(code, to_byte(code, chars)), chars);
        }
    }
}
