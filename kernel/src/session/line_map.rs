//! Maps lines of the compiled source to lines of the cell.

use crate::{source, syntax};

/// The line of the cell (from 1) that a line of the generated source stands for, if it can be determined.
///
/// evcxr starts a line with each statement, and moves items. A text that occurs on several lines of the cell occurs on
/// as many lines of the source, in the same order.
pub fn line_in_cell(number: usize, generated: &str, cell: &str) -> Option<usize> {
    let number = number.checked_sub(1)?;
    let lines: Vec<String> = generated.lines().map(source::learners_line).collect();
    let text = lines.get(number)?.trim();
    if text.is_empty() {
        return None;
    }
    let pieces = syntax::pieces(cell);
    let statements = source::learners_lines(&lines).unwrap_or(0..0);
    let statements = statements.contains(&number).then_some(statements);
    statements.into_iter().chain(std::iter::once(0..lines.len())).find_map(|range| {
        let ours: Vec<usize> =
            pieces.iter().filter(|piece| piece.text == text).map(|piece| piece.line).collect();
        let theirs: Vec<usize> = range.filter(|place| lines[*place].trim() == text).collect();
        match ours.as_slice() {
            [only] => Some(*only),
            several if several.len() == theirs.len() => {
                theirs.iter().position(|place| *place == number).map(|rank| several[rank])
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_the_cell_has_twice_is_found_by_its_place() {
        let (generated, cell) = ("a\n  f();\nb\n  f();\nc", "f();\n\nf();");
        assert_eq!(line_in_cell(2, generated, cell), Some(1));
        assert_eq!(line_in_cell(4, generated, cell), Some(3));
        assert_eq!(line_in_cell(4, &(generated.to_owned() + "\nf();"), cell), None);
        assert_eq!(line_in_cell(1, generated, cell), None);
    }

    #[test]
    fn a_statement_that_shares_its_line_is_found() {
        let generated = "fn f() {}\nlet a = f();\nif std::panic::catch_unwind(||{\nlet a = f(); \nlet b =\n  g(a); \n/*herbarium:*/x/*:herbarium*/h();\n}).is_err() {";
        let cell = ":dep x\nlet a = f(); let b =\n  g(a); h();";
        assert_eq!(line_in_cell(4, generated, cell), Some(2));
        assert_eq!(line_in_cell(5, generated, cell), Some(2));
        assert_eq!(line_in_cell(6, generated, cell), Some(3));
        assert_eq!(line_in_cell(7, generated, cell), Some(3));
        assert_eq!(line_in_cell(1, generated, cell), None);
    }
}
