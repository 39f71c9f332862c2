//! Parameters for other programs, papermill first of all: a question on stdin, an answer on stdout, both in JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ParameterValue, Values, declared, injected};

/// What is asked.
#[derive(Deserialize)]
struct Question {
    /// The cell that declares the parameters, if the notebook has one.
    #[serde(default)]
    cell: String,
    /// Their values.
    #[serde(default)]
    values: Map<String, Value>,
}

/// One parameter of the cell.
#[derive(Serialize)]
struct Known {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    default: String,
    help: String,
}

/// What is answered: the parameters of the cell, and the cell that sets them, or why there is none.
#[derive(Serialize)]
struct Answer {
    parameters: Vec<Known>,
    code: Option<String>,
    error: Option<String>,
}

/// Answers one question.
pub fn translate(question: &str) -> serde_json::Result<String> {
    let Question { cell, values } = serde_json::from_str(question)?;
    let found = declared(&cell);
    let mut given = Values::default();
    for (name, value) in values {
        given.set(name, ParameterValue::Value(value));
    }
    // Of a name that a notebook does not declare, papermill warns itself.
    let code = injected(&found, &given, true);
    let parameters = found.into_iter().map(|parameter| Known {
        kind: parameter.type_name(),
        name: parameter.declaration.name,
        default: parameter.declaration.value,
        help: parameter.declaration.comment,
    });
    let parameters = parameters.collect();
    let (code, error) = (code.as_ref().ok().cloned(), code.err());
    serde_json::to_string(&Answer { parameters, code, error })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(question: Value) -> Value {
        serde_json::from_str(&translate(&question.to_string()).unwrap()).unwrap()
    }

    #[test]
    fn questions_are_answered() {
        let cell = "let epochs: i64 = 20; // how many";
        let known = json!([{"name": "epochs", "type": "i64", "default": "20", "help": "how many"}]);
        assert_eq!(answer(json!({"cell": cell}))["parameters"], known);
        let found = answer(json!({"cell": cell, "values": {"epochs": 7, "other": "x"}}));
        assert_eq!(found["code"], "// Parameters\nlet epochs: i64 = 7;\nlet other: &str = \"x\";\n");
        let wrong = answer(json!({"cell": cell, "values": {"epochs": "x"}}));
        assert!(wrong["code"].is_null() && wrong["error"].as_str().unwrap().contains("whole number"));
        assert!(translate("7").is_err());
    }
}
