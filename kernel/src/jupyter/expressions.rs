//! User expressions: what a frontend asks to have evaluated after a cell, apart from its outputs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jupyter_protocol::ExpressionResult;
use serde_json::{Map, Value};

use super::Kernel;
use super::cell::execute_cell;
use super::message::media;
use crate::runtime::message::Bundle;
use crate::session::{Cell, Event, Reply};

/// Each expression's value, in the forms in which a cell would show it, or its error.
pub async fn evaluate(
    kernel: &Arc<Kernel>,
    expressions: Option<&HashMap<String, String>>,
) -> HashMap<String, ExpressionResult> {
    let mut results = HashMap::new();
    for (name, code) in expressions.into_iter().flatten() {
        results.insert(name.clone(), value_of(kernel, code).await);
    }
    results
}

async fn value_of(kernel: &Arc<Kernel>, code: &str) -> ExpressionResult {
    let shown: Arc<Mutex<(Bundle, Bundle)>> = Arc::default();
    let seen = shown.clone();
    let sink = Arc::new(move |event| {
        if let Event::Result { data, metadata, .. } | Event::Display { data, metadata, .. } = event {
            *seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = (data, metadata);
        }
    });
    let cell = Cell {
        code: code.to_owned(),
        number: 0,
        sink,
        ask: Arc::new(|_, _| Reply::Refused("an expression of the frontend cannot ask for input".to_owned())),
    };
    let outcome = execute_cell(kernel, cell).await;
    if let Some(error) = outcome.error {
        let crate::session::CellError { ename, evalue, traceback } = error;
        return ExpressionResult::Error { ename, evalue, traceback };
    }
    let (data, metadata) =
        std::mem::take(&mut *shown.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    ExpressionResult::Ok { data: media(data), metadata: Map::<String, Value>::from_iter(metadata) }
}
