//! `?name`: the documentation of a name, in the frontend's pager.

use jupyter_protocol::{Media, MediaType, Payload};

use super::Kernel;
use crate::session::{Outcome, nothing_known};

/// The name that a cell asks about, if the cell is nothing but `?name`. No Rust code begins like
/// that.
pub fn question(code: &str) -> Option<&str> {
    let asked = code.trim().strip_prefix('?')?.trim();
    (!asked.is_empty() && !asked.contains('\n')).then_some(asked)
}

/// The pages with the answer. The stop button ends the wait for it.
pub async fn answer(kernel: &Kernel, question: &str) -> (Outcome, Vec<Payload>) {
    let found = tokio::select! {
        found = kernel.session.inspect(question, question.len()) => found,
        outcome = kernel.session.interrupted() => return (outcome, Vec::new()),
    };
    match found {
        Some(found) => {
            let data = Media::new(vec![MediaType::Plain(found.plain), MediaType::Html(found.html)]);
            (Outcome::default(), vec![Payload::Page { data, start: 0 }])
        }
        None => {
            let error = Some(nothing_known(question));
            (Outcome { error, ..Outcome::default() }, Vec::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_question_is_one() {
        assert_eq!(question(" ?Vec::new\n"), Some("Vec::new"));
        assert_eq!(question("? model"), Some("model"));
        for code in ["?", "f()?", "?a\n?b", "let x = f()?;"] {
            assert_eq!(question(code), None, "{code}");
        }
    }
}
