//! Which calls of a cell led into a library that panicked.
//!
//! Cells are compiled without line tables, because these cost more time than any other saving brings. So a call is
//! known only by its address in the cell's library; if the kernel needs the line, it compiles the cell again with
//! line tables.

use std::backtrace::Backtrace;
use std::path::Path;

/// The start of a cell library's file name, as evcxr writes it.
const LIBRARY: &str = "libcode_";

/// The addresses, as in the library's file, of the running cell's calls that led here, innermost first. Empty if
/// the system does not say where libraries are loaded.
pub(super) fn of_the_cell() -> Vec<u64> {
    match std::fs::read_to_string("/proc/self/maps") {
        Ok(maps) => cell(&maps).map(|cell| cell.addresses(&format!("{:#}", Backtrace::force_capture()))),
        Err(_) => None,
    }
    .unwrap_or_default()
}

/// Where the running cell's library is loaded.
struct Cell {
    base: u64,
    end: u64,
}

/// The one library of a cell whose file is still there: the kernel removes it when the cell has run.
fn cell(maps: &str) -> Option<Cell> {
    let mut found: Option<Cell> = None;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(offset), Some(path)) = (words.next(), words.nth(1), words.nth(2)) else {
            continue;
        };
        let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.starts_with(LIBRARY) || words.next().is_some() {
            continue;
        }
        let (start, end) = range.split_once('-')?;
        let [start, end, offset] = [start, end, offset].map(|hex| u64::from_str_radix(hex, 16).ok());
        let base = start?.checked_sub(offset?)?;
        found = Some(Cell { base: found.map_or(base, |cell| cell.base), end: end? });
    }
    found
}

impl Cell {
    /// Those addresses of a backtrace (lines like `  3:   0x55d0c8a91b2f - name`) that lie in the
    /// cell.
    fn addresses(&self, backtrace: &str) -> Vec<u64> {
        let calls = backtrace.lines().filter_map(|line| {
            let (_, rest) = line.trim_start().split_once(':')?;
            let address = rest.trim_start().strip_prefix("0x")?.split(' ').next()?;
            // A call returns to what comes after it.
            let address = u64::from_str_radix(address, 16).ok()?.checked_sub(1)?;
            (self.base..self.end).contains(&address).then(|| address - self.base)
        });
        calls.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
7f10-7f20 r--p 00000000 08:01 17 /tmp/k/deps/libcode_1.so (deleted)
7000-7100 r--p 00000000 08:01 18                         /tmp/k/deps/libcode_2.so
7100-7300 r-xp 00000100 08:01 18                         /tmp/k/deps/libcode_2.so
7f00-7fff r-xp 00000000 00:00 0
9000-9900 r-xp 00000000 08:01 19                         /usr/lib/libc.so.6
";

    #[test]
    fn only_calls_of_the_running_cell() {
        let backtrace = "   0:           0x9005 - std::backtrace\n                 at /rustc/x.rs:1:2\n   1:  \
                         0x7151 - ctx::f\n   2:    0x7f15 - old\n   3: 0x7201 - ctx::run\n   4: 0x0 - <unknown>\n";
        assert_eq!(cell(MAPS).unwrap().addresses(backtrace), [0x150, 0x200]);
        assert!(cell("9000-9900 r-xp 00000000 08:01 19 /usr/lib/libc.so.6\n").is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_backtrace_tells_addresses() {
        let everything = Cell { base: 0, end: u64::MAX };
        assert!(everything.addresses(&format!("{:#}", Backtrace::force_capture())).len() > 3);
        assert!(of_the_cell().is_empty(), "a test is no cell");
    }
}
