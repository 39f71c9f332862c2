//! The error message of a panic or a `?` in a cell: what happened and where in the cell, without
//! internals.

use std::panic::PanicHookInfo;
use std::sync::Once;

use super::frames;
use super::message::Message;

/// Makes panics send an `error` message; called under Herbarium's kernel only.
pub(super) fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| std::panic::set_hook(Box::new(|info| error_message(info).send())));
}

fn error_message(info: &PanicHookInfo<'_>) -> Message {
    let evalue = tidy(info.payload_as_str().unwrap_or("a panic without a message"));
    let mut traceback = vec![format!("Panic: {evalue}")];
    // evcxr compiles a cell as `src/lib.rs` of a separate crate; anything else is a library.
    let location = info.location().filter(|place| place.file() == "src/lib.rs");
    if let Some(place) = info.location().filter(|place| place.file() != "src/lib.rs")
        && let Some(library) = library_of(place.file())
    {
        traceback.push(format!("  raised inside {library}"));
    }
    let location = location.map(|place| (place.line(), place.column()));
    let frames = if location.is_some() { Vec::new() } else { frames::of_the_cell() };
    Message::Error { ename: "Panic", evalue, traceback, location, frames, fails: false }
}

/// Reports the error of a cell's `?` and the location of the `?` to the kernel, which makes each cell call this.
///
/// Elsewhere the text goes to stderr.
#[track_caller]
pub fn failed(error: &dyn std::fmt::Display) {
    let evalue = tidy(&error.to_string());
    let place = std::panic::Location::caller();
    let location = (place.file() == "src/lib.rs").then(|| (place.line(), place.column()));
    let traceback = vec![format!("Error: {evalue}")];
    Message::Error { ename: "Error", traceback, evalue, location, frames: Vec::new(), fails: false }.send();
}

/// The name and version of the registry crate that a source path belongs to.
fn library_of(path: &str) -> Option<&str> {
    let (_, inside) = path.split_once("/registry/src/")?;
    inside.split('/').nth(1)
}

/// Drops the parts that do not help a learner: the C++ backtrace that libtorch appends, and the
/// Rust wrapping around the message.
pub(super) fn tidy(message: &str) -> String {
    const TORCH: &str = "Internal torch error: ";
    const UNWRAPPED: &str = "called `Result::unwrap()` on an `Err` value: ";
    let told = message.split("Exception raised from").next().unwrap_or(message);
    let cut = told.len() < message.len();
    let told = match told.strip_prefix(UNWRAPPED).and_then(|rest| rest.strip_prefix("Torch(\"")) {
        Some(torch) => format!("libtorch: {}", torch.trim_end_matches("\")").trim_end_matches("\\n")),
        None => told.trim_end_matches("\\n").trim_end().replacen(TORCH, "libtorch: ", 1),
    };
    // The text was printed by `Debug`, so its line feeds and quotes are escaped.
    if cut { told.replace("\\n", "\n").replace("\\\"", "\"").replace("\\'", "'") } else { told }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtorch_messages_lose_their_backtrace() {
        let raw = "called `Result::unwrap()` on an `Err` value: Torch(\"shape '[3]' is invalid for input of \
                   size 4\\nException raised from infer_size_impl at /pytorch/aten/src/ATen/InferSize.h:81 \
                   (most recent call first):\\nframe #0: c10::Error::Error\")";
        assert_eq!(tidy(raw), "libtorch: shape '[3]' is invalid for input of size 4");
    }

    /// As from a `?` on one of tch's `f_…` operations.
    #[test]
    fn a_torch_error_is_one_line() {
        let raw = "Internal torch error: mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)\nException raised \
                   from meta at /pytorch/a.cpp:1 (most recent call first):\nframe #0: c10::Error::Error";
        assert_eq!(tidy(raw), "libtorch: mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)");
    }

    #[test]
    fn other_messages_stay_as_they_are() {
        let raw = "called `Option::unwrap()` on a `None` value";
        assert_eq!(tidy(raw), raw);
        assert_eq!(tidy("a \\n in a message"), "a \\n in a message");
    }

    #[test]
    fn names_the_library_and_nothing_of_std() {
        let path = "/root/.cargo/registry/src/index-1949cf8c6b5b557f/tch-0.26.0/src/wrappers/tensor.rs";
        assert_eq!(library_of(path), Some("tch-0.26.0"));
        assert_eq!(library_of("/rustc/abc/library/core/src/result.rs"), None);
    }
}
