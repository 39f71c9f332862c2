//! The contract with the crate `herbarium`: how a value in a cell shows itself.
//!
//! A message is one line on stdout: the byte 0x1E, `herbarium `, JSON, a newline. The line may begin anywhere, so a
//! `print!` without a newline before it does no harm.

use serde::Deserialize;
use serde_json::{Map, Value};

/// MIME types and the value in each of them: text, base64 for pictures, JSON for JSON types.
pub type Bundle = Map<String, Value>;

/// Parses the text of JSON types, because frontends want the object. Invalid JSON stays text.
pub fn with_objects(mut bundle: Bundle) -> Bundle {
    for (mime, value) in &mut bundle {
        let is_json = mime == "application/json" || mime.ends_with("+json");
        if let (true, Value::String(text)) = (is_json, &*value)
            && let Ok(object) = serde_json::from_str(text)
        {
            *value = object;
        }
    }
    bundle
}

/// One rich message, `{"type": "display", ...}`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Message {
    /// Shows a value where the cell's output stands.
    Display {
        data: Bundle,
        #[serde(default)]
        metadata: Bundle,
        /// A name by which a later `update` finds this output again.
        #[serde(default)]
        display_id: Option<String>,
    },
    /// Shows another value in place of every output with that name.
    Update {
        data: Bundle,
        #[serde(default)]
        metadata: Bundle,
        display_id: String,
    },
    /// The cell's value.
    Result {
        data: Bundle,
        #[serde(default)]
        metadata: Bundle,
        #[serde(default)]
        display_id: Option<String>,
    },
    /// Empties the cell's output, at once or when the next output comes.
    Clear {
        #[serde(default)]
        wait: bool,
    },
    /// A panic. It is the cell's error if the cell or its process ends by it, and text on stderr if not: a thread's
    /// panic, or one that was caught.
    Error {
        ename: String,
        evalue: String,
        #[serde(default)]
        traceback: Vec<String>,
        #[serde(flatten)]
        origin: Origin,
        /// It fails the cell in any case, although the cell's code continues.
        #[serde(default)]
        fails: bool,
    },
    /// The cell checks for interrupts from time to time, and ends soon after it has `heard` one.
    Listening {
        #[serde(default)]
        heard: bool,
    },
    /// A variable is in the store, although evcxr may not know of it.
    Kept { name: String },
    /// A variable is not in the store, although evcxr may believe so.
    Gone { name: String },
    /// The cell's code ended by a `return`: the next `?` marker is not a `?`.
    Returned,
}

/// The name of the error of a cell that was stopped.
pub const INTERRUPTED: &str = "Interrupt";

/// What is known of where an error came from.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Origin {
    /// Where, if it was in the cell's own code.
    #[serde(default)]
    pub location: Option<Location>,
    /// If not, the addresses in the cell's library of its calls that led there, the innermost first.
    #[serde(default)]
    pub frames: Vec<u64>,
}

/// A place in the source that was compiled for the cell, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Location {
    pub line: usize,
    pub column: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Message, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn optional_parts_may_be_missing_or_null() {
        let message = parse(r#"{"type":"display","data":{"text/plain":"7"},"display_id":null}"#).unwrap();
        let Message::Display { data, metadata, display_id } = message else { panic!("{message:?}") };
        assert_eq!(data["text/plain"], "7");
        assert!(metadata.is_empty() && display_id.is_none());
        assert_eq!(parse(r#"{"type":"clear"}"#).unwrap(), Message::Clear { wait: false });
    }

    #[test]
    fn json_types_are_objects() {
        let bundle = serde_json::json!({
            "application/json": "{\"a\": 1}", "application/vnd.vegalite.v5+json": "[", "text/plain": "1"
        });
        let expected = serde_json::json!({
            "application/json": { "a": 1 }, "application/vnd.vegalite.v5+json": "[", "text/plain": "1"
        });
        assert_eq!(Value::Object(with_objects(bundle.as_object().unwrap().clone())), expected);
    }

    #[test]
    fn what_is_not_a_message_is_refused() {
        assert!(parse(r#"{"type":"update","data":{}}"#).is_err(), "an update needs a display_id");
        assert!(parse(r#"{"type":"shout"}"#).is_err());
        assert!(parse("not json").is_err());
    }
}
