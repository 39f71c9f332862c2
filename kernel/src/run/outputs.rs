//! A cell's outputs as a notebook keeps them.

use serde_json::{Value, json};

use crate::runtime::message::Bundle;
use crate::session::{CellError, Event, Stream};

#[derive(Debug, Clone, PartialEq)]
enum Output {
    Text { stream: Stream, text: String },
    Shown { data: Bundle, metadata: Bundle, display_id: Option<String>, result: bool },
    Error(CellError),
}

/// One cell's outputs, in order; consecutive text of one stream is one output.
#[derive(Debug, Default)]
pub struct Outputs {
    outputs: Vec<Output>,
    /// The existing outputs are cleared when the next one arrives.
    clear_first: bool,
}

impl Outputs {
    /// Adds an event of this cell. An update is for all cells: see [`Outputs::update`].
    pub fn add(&mut self, event: Event) {
        match event {
            Event::Clear { wait: true } => self.clear_first = true,
            Event::Clear { wait: false } => {
                self.clear_first = false;
                self.outputs.clear();
            }
            Event::Update { .. } => {}
            Event::Text { stream, text } => self.text(stream, &text),
            Event::Display { data, metadata, display_id } => {
                self.push(Output::Shown { data, metadata, display_id, result: false })
            }
            Event::Result { data, metadata, display_id } => {
                self.push(Output::Shown { data, metadata, display_id, result: true })
            }
        }
    }

    /// Adds the error that ended the cell.
    pub fn fail(&mut self, error: CellError) {
        self.push(Output::Error(error));
    }

    /// Gives every output of that name a new value.
    pub fn update(&mut self, id: &str, new_data: &Bundle, new_metadata: &Bundle) {
        for output in &mut self.outputs {
            if let Output::Shown { data, metadata, display_id: Some(display_id), .. } = output
                && display_id == id
            {
                data.clone_from(new_data);
                metadata.clone_from(new_metadata);
            }
        }
    }

    /// How many of the outputs are pictures.
    pub fn pictures(&self) -> usize {
        let is_picture = |output: &&Output| match output {
            Output::Shown { data, .. } => data.keys().any(|mime| mime.starts_with("image/")),
            _ => false,
        };
        self.outputs.iter().filter(is_picture).count()
    }

    /// In nbformat's form.
    pub fn to_json(&self, count: usize) -> Vec<Value> {
        self.outputs.iter().map(|output| output.to_json(count)).collect()
    }

    fn push(&mut self, output: Output) {
        if std::mem::take(&mut self.clear_first) {
            self.outputs.clear();
        }
        self.outputs.push(output);
    }

    fn text(&mut self, stream: Stream, text: &str) {
        match self.outputs.last_mut() {
            Some(Output::Text { stream: last, text: before }) if *last == stream && !self.clear_first => {
                append(before, text);
            }
            _ => {
                let mut start = String::new();
                append(&mut start, text);
                self.push(Output::Text { stream, text: start });
            }
        }
    }
}

/// Appends as a terminal would show it: a carriage return goes back to the start of the line, and what follows is
/// written over it. A progress bar becomes its last state.
fn append(before: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find('\r') {
        before.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if rest.is_empty() {
            // It may yet be the first half of a line end; a notebook shows it as nothing.
            before.push('\r');
        } else if !rest.starts_with('\n') {
            before.truncate(before.rfind('\n').map_or(0, |newline| newline + 1));
        }
    }
    if before.ends_with('\r') && !rest.is_empty() {
        before.pop();
        if !rest.starts_with('\n') {
            before.truncate(before.rfind('\n').map_or(0, |newline| newline + 1));
        }
    }
    before.push_str(rest);
}

impl Output {
    fn to_json(&self, count: usize) -> Value {
        match self {
            Output::Text { stream, text } => {
                let name = if *stream == Stream::Stdout { "stdout" } else { "stderr" };
                json!({ "name": name, "output_type": "stream", "text": lines(text) })
            }
            Output::Shown { data, metadata, result: false, .. } => {
                json!({ "data": split_texts(data), "metadata": metadata, "output_type": "display_data" })
            }
            Output::Shown { data, metadata, result: true, .. } => json!({
                "data": split_texts(data), "execution_count": count, "metadata": metadata, "output_type": "execute_result"
            }),
            Output::Error(CellError { ename, evalue, traceback }) => {
                json!({ "ename": ename, "evalue": evalue, "output_type": "error", "traceback": traceback })
            }
        }
    }
}

/// Text is kept as a list of lines, which makes differences between two notebooks readable.
fn split_texts(data: &Bundle) -> Bundle {
    let is_text =
        |mime: &str| mime.starts_with("text/") || mime == "image/svg+xml" || mime == "application/javascript";
    data.iter()
        .map(|(mime, value)| match value {
            Value::String(text) if is_text(mime) => (mime.clone(), lines(text)),
            other => (mime.clone(), other.clone()),
        })
        .collect()
}

fn lines(text: &str) -> Value {
    Value::Array(text.split_inclusive('\n').map(Value::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Event {
        Event::Text { stream: Stream::Stdout, text: text.to_owned() }
    }

    fn plain(text: &str) -> Bundle {
        Bundle::from_iter([("text/plain".to_owned(), Value::from(text))])
    }

    fn display(value: &str, id: Option<&str>) -> Event {
        Event::Display { data: plain(value), metadata: Bundle::new(), display_id: id.map(str::to_owned) }
    }

    #[test]
    fn text_is_joined_and_updates_reach_every_output_of_the_name() {
        let mut outputs = Outputs::default();
        for event in [
            text("a\nb"),
            text("c\n"),
            display("one", Some("x")),
            display("two", None),
            display("three", Some("x")),
        ] {
            outputs.add(event);
        }
        outputs.update("x", &plain("new"), &Bundle::new());
        outputs.fail(CellError::new("Error", "bad"));
        let expected = json!([
            { "name": "stdout", "output_type": "stream", "text": ["a\n", "bc\n"] },
            { "data": { "text/plain": ["new"] }, "metadata": {}, "output_type": "display_data" },
            { "data": { "text/plain": ["two"] }, "metadata": {}, "output_type": "display_data" },
            { "data": { "text/plain": ["new"] }, "metadata": {}, "output_type": "display_data" },
            { "ename": "Error", "evalue": "bad", "output_type": "error", "traceback": ["\u{1b}[1;31mError\u{1b}[0m: bad"] },
        ]);
        assert_eq!(Value::Array(outputs.to_json(1)), expected);
    }

    #[test]
    fn clearing_waits_if_it_is_asked_to() {
        let mut outputs = Outputs::default();
        outputs.add(text("old"));
        outputs.add(Event::Clear { wait: true });
        assert_eq!(outputs.to_json(1).len(), 1);
        outputs.add(text("new"));
        assert_eq!(
            outputs.to_json(1),
            [json!({ "name": "stdout", "output_type": "stream", "text": ["new"] })]
        );
        outputs.add(Event::Clear { wait: false });
        assert!(outputs.to_json(1).is_empty());
    }

    #[test]
    fn a_progress_bar_becomes_its_last_state() {
        let mut outputs = Outputs::default();
        for part in ["start\n10 %\r", "20 %\r30", " %\n", "a\r\nb\r", "\nc"] {
            outputs.add(text(part));
        }
        assert_eq!(outputs.to_json(1)[0]["text"], json!(["start\n", "30 %\n", "a\n", "b\n", "c"]));
    }

    #[test]
    fn pictures_are_counted() {
        let mut outputs = Outputs::default();
        let data = Bundle::from_iter([
            ("image/png".to_owned(), Value::from("AA")),
            ("text/plain".to_owned(), Value::from("f")),
        ]);
        outputs.add(Event::Result { data, metadata: Bundle::new(), display_id: None });
        outputs.add(display("x", None));
        assert_eq!(outputs.pictures(), 1);
        assert_eq!(outputs.to_json(3)[0]["execution_count"], 3);
    }
}
