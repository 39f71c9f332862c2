//! The inputs of this and of earlier sessions, kept in a file of JSON lines in the user's data folder.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jupyter_protocol::{HistoryEntry, HistoryReply, HistoryRequest};
use serde::{Deserialize, Serialize};

/// How many inputs are kept.
const KEPT: usize = 10_000;
/// The line of an entry without an input: a session with this number has begun.
const TAKEN: usize = 0;

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
struct Input {
    /// Counts the sessions, from 1.
    session: usize,
    /// The execution count.
    line: usize,
    source: String,
}

/// All inputs, oldest first.
pub struct History {
    session: usize,
    inputs: Vec<Input>,
    /// `None` where there is no place for a file, or it cannot be written.
    path: Option<PathBuf>,
}

impl History {
    /// Reads the user's history and begins a new session in it.
    pub fn open() -> History {
        let path = dirs::data_dir().map(|folder| folder.join("herbarium").join("history.jsonl"));
        match path {
            Some(path) => History::open_at(&path),
            None => History { session: 1, inputs: Vec::new(), path: None },
        }
    }

    fn open_at(path: &Path) -> History {
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        // Notebooks that are opened together get numbers one after the other; where the file system has no locks, perhaps the same.
        let lock = folder.and_then(|()| File::create(path.with_extension("lock")));
        if let Ok(lock) = &lock {
            let _ = lock.lock();
        }
        let mut inputs = read(path);
        if inputs.len() > 2 * KEPT {
            inputs.drain(..inputs.len() - KEPT);
            if let Err(error) = rewrite(path, &inputs) {
                log::warn!("{}: {error}", path.display());
            }
        }
        let session = inputs.iter().map(|input| input.session).max().unwrap_or(0) + 1;
        inputs.retain(|input| input.line > TAKEN);
        let taken = Input { session, line: TAKEN, source: String::new() };
        let is_kept = end_torn_line(path).and_then(|()| append(path, &taken));
        if let Err(error) = &is_kept {
            log::warn!("no history is kept: {}: {error}", path.display());
        }
        History { session, inputs, path: is_kept.is_ok().then(|| path.to_owned()) }
    }

    /// Adds an input of this session.
    pub fn add(&mut self, line: usize, source: &str) {
        let input = Input { session: self.session, line, source: source.to_owned() };
        if let Some(path) = &self.path {
            // A failing history must not stop a cell.
            let _ = append(path, &input);
        }
        self.inputs.push(input);
    }

    /// Answers a request. Outputs are not kept, so they are empty where they are asked for.
    pub fn reply(&self, request: &HistoryRequest) -> HistoryReply {
        let (found, output): (Vec<&Input>, bool) = match request {
            HistoryRequest::Tail { n, output, .. } => (last(self.inputs.iter().collect(), *n), *output),
            HistoryRequest::Range { session, start, stop, output, .. } => {
                let session = self.session_number(session.unwrap_or(0));
                let lines = self.inputs.iter().filter(|input| input.session == session);
                // A stop of 0 or less means the end.
                let inside = |line: usize| {
                    line as i64 >= i64::from(*start) && (*stop <= 0 || (line as i64) < i64::from(*stop))
                };
                (lines.filter(|input| inside(input.line)).collect(), *output)
            }
            HistoryRequest::Search { pattern, unique, output, n, .. } => {
                let mut found: Vec<&Input> =
                    self.inputs.iter().filter(|input| matches_glob(pattern, &input.source)).collect();
                if *unique {
                    // The latest of those that are alike.
                    let mut seen = std::collections::HashSet::new();
                    found.reverse();
                    found.retain(|input| seen.insert(input.source.as_str()));
                    found.reverse();
                }
                (last(found, *n), *output)
            }
        };
        let entry = |input: &Input| match output {
            true => {
                HistoryEntry::InputOutput(input.session, input.line, (input.source.clone(), String::new()))
            }
            false => HistoryEntry::Input(input.session, input.line, input.source.clone()),
        };
        HistoryReply::new(found.into_iter().map(entry).collect())
    }

    /// 0 is this session, -1 the one before.
    fn session_number(&self, asked: i32) -> usize {
        if asked > 0 { asked as usize } else { self.session.saturating_sub(asked.unsigned_abs() as usize) }
    }
}

/// The last `n`; all if `n` is not positive.
fn last(mut inputs: Vec<&Input>, n: i32) -> Vec<&Input> {
    if n > 0 {
        inputs.drain(..inputs.len().saturating_sub(n as usize));
    }
    inputs
}

/// `*` stands for anything, `?` for one character.
fn matches_glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last star was, and the text it matches so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    (p, t) = (star_at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

fn read(path: &Path) -> Vec<Input> {
    let Ok(file) = File::open(path) else { return Vec::new() };
    // A line cut short by a crash must not cost the others.
    BufReader::new(file)
        .split(b'\n')
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_slice(&line).ok())
        .collect()
}

/// Adds an entry to the file: in one write, so that the lines of two kernels do not mix, and to the file that is there now, which
/// another kernel may have written anew.
fn append(path: &Path, input: &Input) -> std::io::Result<()> {
    let line = serde_json::to_string(input)? + "\n";
    OpenOptions::new().create(true).append(true).open(path)?.write_all(line.as_bytes())
}

/// A line without its end, from a full disk, would swallow the next one.
fn end_torn_line(path: &Path) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

fn rewrite(path: &Path, inputs: &[Input]) -> std::io::Result<()> {
    let temporary: PathBuf = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = File::create(&temporary)?;
    for input in inputs {
        serde_json::to_writer(&mut file, input)?;
        file.write_all(b"\n")?;
    }
    file.sync_all()?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(reply: HistoryReply) -> Vec<String> {
        let source = |entry: HistoryEntry| match entry {
            HistoryEntry::Input(session, line, source) => format!("{session}/{line} {source}"),
            HistoryEntry::InputOutput(session, line, (source, output)) => {
                format!("{session}/{line} {source} -> {output}")
            }
        };
        reply.history.into_iter().map(source).collect()
    }

    #[test]
    fn sessions_are_kept_and_found_again() {
        let path =
            std::env::temp_dir().join(format!("herbarium-history-{}", std::process::id())).join("h.jsonl");
        let mut first = History::open_at(&path);
        first.add(1, "let a = 1;");
        first.add(2, "a");
        let mut second = History::open_at(&path);
        second.add(1, "a");
        let (output, raw) = (false, true);
        let tail = second.reply(&HistoryRequest::Tail { n: 2, output, raw });
        assert_eq!(sources(tail), ["1/2 a", "2/1 a"]);
        let range = HistoryRequest::Range { session: Some(-1), start: 1, stop: 2, output: true, raw };
        assert_eq!(sources(second.reply(&range)), ["1/1 let a = 1; -> "]);
        let search = HistoryRequest::Search { pattern: "?".into(), unique: true, output, raw, n: 0 };
        assert_eq!(sources(second.reply(&search)), ["2/1 a"]);
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn notebooks_that_are_opened_together_are_two_sessions() {
        let folder = std::env::temp_dir().join(format!("herbarium-two-{}", std::process::id()));
        let path = folder.join("h.jsonl");
        let [mut first, mut second] = [(); 2].map(|()| History::open_at(&path));
        assert_eq!((first.session, second.session), (1, 2));
        second.add(1, "b");
        // Another kernel shortens the file.
        rewrite(&path, &read(&path)).unwrap();
        first.add(1, "a");
        assert_eq!(History::open_at(&path).inputs.len(), 2);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_line_that_was_cut_within_a_letter_costs_no_other() {
        let folder = std::env::temp_dir().join(format!("herbarium-torn-{}", std::process::id()));
        let path = folder.join("h.jsonl");
        History::open_at(&path).add(1, "let é = 1;");
        let mut bytes = fs::read(&path).unwrap();
        let torn = bytes[..bytes.iter().position(|byte| *byte == 0xc3).unwrap() + 1].to_vec();
        bytes.extend(&torn[..]);
        fs::write(&path, bytes).unwrap();
        History::open_at(&path).add(1, "2");
        let inputs = History::open_at(&path).inputs;
        assert_eq!(inputs.iter().map(|input| &*input.source).collect::<Vec<_>>(), ["let é = 1;", "2"]);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn globs() {
        assert!(matches_glob("*let*1?", "let a = 1;"));
        assert!(matches_glob("*", ""));
        assert!(!matches_glob("let", "let a"));
        assert!(!matches_glob("?", ""));
    }
}
