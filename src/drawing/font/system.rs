//! The fonts of the computer, for letters that the crate's own does not have.
//!
//! Folders are listed once, when the first such letter comes; of each file only the character map
//! is read, and the whole font only when it is used.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use ab_glyph::{Font, FontRef};
use rustybuzz::ttf_parser::{self, cmap};

use super::script::Script;

/// A font in memory, as long as the process lives.
pub(super) struct Face {
    pub(super) outlines: FontRef<'static>,
    pub(super) shaper: rustybuzz::Face<'static>,
}

impl Face {
    /// `None` for anything that is not a usable font.
    pub(super) fn new(bytes: &'static [u8], index: u32) -> Option<Face> {
        let outlines = FontRef::try_from_slice_and_index(bytes, index).ok()?;
        Some(Face { outlines, shaper: rustybuzz::Face::from_slice(bytes, index)? })
    }

    /// Whether the letter can be drawn: a font of coloured pictures has letters without outlines.
    pub(super) fn has(&self, letter: char) -> bool {
        let glyph = self.outlines.glyph_id(letter);
        glyph.0 != 0 && (letter.is_whitespace() || self.outlines.outline(glyph).is_some())
    }
}

/// The face that has a letter, if one on this computer has. `script` selects the variant of letters
/// that several languages write differently.
pub(super) fn face_for(letter: char, script: Script) -> Option<&'static Face> {
    static FONTS: OnceLock<Mutex<Fonts>> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| Mutex::new(Fonts::new(&folders())));
    fonts.lock().unwrap_or_else(PoisonError::into_inner).face_for(letter, script)
}

/// What is known of the computer's fonts so far.
struct Fonts {
    files: Vec<FontFile>,
    known: HashMap<(char, Script), Option<&'static Face>>,
}

struct FontFile {
    path: PathBuf,
    /// The name in small letters, to guess from.
    name: String,
    /// The tables of the letters, once read; empty for a file that is none.
    tables: Option<Vec<Vec<u8>>>,
    loaded: HashMap<u32, Option<&'static Face>>,
}

impl Fonts {
    fn new(folders: &[PathBuf]) -> Fonts {
        let mut files = Vec::new();
        for folder in folders {
            list(folder, 0, &mut files);
        }
        // Plain ones first, then by name, so that every run picks the same.
        files.sort_by_key(|file: &FontFile| (oddness(&file.name), file.name.clone()));
        Fonts { files, known: HashMap::new() }
    }

    fn face_for(&mut self, letter: char, script: Script) -> Option<&'static Face> {
        if let Some(known) = self.known.get(&(letter, script)) {
            return *known;
        }
        let (mut likely, others): (Vec<usize>, Vec<usize>) =
            (0..self.files.len()).partition(|place| script.is_likely(&self.files[*place].name));
        likely.extend(others);
        let found = likely.into_iter().find_map(|place| self.files[place].face_with(letter, script));
        self.known.insert((letter, script), found);
        found
    }
}

impl FontFile {
    fn face_with(&mut self, letter: char, script: Script) -> Option<&'static Face> {
        let tables = self.tables.get_or_insert_with(|| letter_tables(&self.path).unwrap_or_default());
        if !tables.iter().any(|table| has_letter(table, letter)) {
            return None;
        }
        // A collection's fonts are read together; most are one alone.
        let wanted = if tables.len() > 1 { script.wanted() } else { None };
        let faces: Vec<u32> = (0..tables.len() as u32).collect();
        if self.loaded.is_empty() {
            let bytes: &'static [u8] = Box::leak(fs::read(&self.path).ok()?.into_boxed_slice());
            self.loaded = faces.iter().map(|index| (*index, load(bytes, *index))).collect();
        }
        let fits = |index: &&u32| {
            let face = self.loaded.get(index).copied().flatten()?;
            face.has(letter).then_some(face)
        };
        let named = |face: &Face| wanted.is_some_and(|wanted| family(face).contains(wanted));
        let mut able = faces.iter().filter_map(|index| fits(&index));
        let first = able.next()?;
        if named(first) { Some(first) } else { able.find(|face| named(face)).or(Some(first)) }
    }
}

fn load(bytes: &'static [u8], index: u32) -> Option<&'static Face> {
    Face::new(bytes, index).map(|face| &*Box::leak(Box::new(face)))
}

/// The font's family, `Noto Sans CJK SC`.
fn family(face: &Face) -> String {
    let names = face.shaper.names();
    let family =
        names.into_iter().find(|name| name.name_id == ttf_parser::name_id::FAMILY && name.is_unicode());
    family.and_then(|name| name.to_string()).unwrap_or_default()
}

/// Where fonts are kept, on any system; `HERBARIUM_FONTS` comes first.
fn folders() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).map(PathBuf::from);
    let in_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let windows = std::env::var_os("WINDIR").map(|folder| PathBuf::from(folder).join("Fonts"));
    let local =
        std::env::var_os("LOCALAPPDATA").map(|folder| PathBuf::from(folder).join("Microsoft/Windows/Fonts"));
    let fixed = [
        "/usr/share/fonts",
        "/usr/local/share/fonts",
        "/System/Library/Fonts",
        "/Library/Fonts",
        "C:\\Windows\\Fonts",
    ];
    let own = std::env::var_os("HERBARIUM_FONTS").map(PathBuf::from);
    let homes = [".fonts", ".local/share/fonts", "Library/Fonts"].map(in_home);
    let all = own.into_iter().chain(homes.into_iter().flatten()).chain(fixed.map(PathBuf::from));
    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in all.chain(windows).chain(local) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

/// The font files in a folder and a few folders deep; a circle of links ends there too.
fn list(folder: &Path, depth: usize, files: &mut Vec<FontFile>) {
    const DEEPEST: usize = 5;
    const MOST_FILES: usize = 5000;
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.is_dir() {
            if depth < DEEPEST {
                list(&path, depth + 1, files);
            }
        } else if [".ttf", ".otf", ".ttc", ".otc"].iter().any(|ending| name.ends_with(ending))
            && files.len() < MOST_FILES
        {
            files.push(FontFile { path, name, tables: None, loaded: HashMap::new() });
        }
    }
}

/// How far a font is from a plain, upright one without serifs.
fn oddness(name: &str) -> usize {
    const ODD: [&str; 14] = [
        "bold",
        "italic",
        "oblique",
        "light",
        "thin",
        "black",
        "mono",
        "serif",
        "condensed",
        "math",
        "symbol",
        "medium",
        "kufi",
        "nastaliq",
    ];
    ODD.iter().filter(|word| name.contains(**word)).count() * 2 + usize::from(!name.contains("sans"))
}

fn has_letter(table: &[u8], letter: char) -> bool {
    let Some(table) = cmap::Table::parse(table) else { return false };
    let has = |subtable: cmap::Subtable<'_>| {
        subtable.is_unicode() && subtable.glyph_index(u32::from(letter)).is_some_and(|glyph| glyph.0 != 0)
    };
    table.subtables.into_iter().any(has)
}

/// The `cmap` table of each font in a file (OpenType, "Organization of an OpenType Font").
fn letter_tables(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    const MOST_FONTS: u32 = 64;
    let mut file = File::open(path)?;
    let starts = if read_at::<4>(&mut file, 0)? == *b"ttcf" {
        let count = u32::from_be_bytes(read_at(&mut file, 8)?).min(MOST_FONTS);
        (0..count)
            .map(|font| Ok(u32::from_be_bytes(read_at(&mut file, 12 + 4 * u64::from(font))?)))
            .collect::<io::Result<Vec<u32>>>()?
    } else {
        vec![0]
    };
    starts.into_iter().map(|start| letter_table(&mut file, u64::from(start))).collect()
}

fn letter_table(file: &mut File, start: u64) -> io::Result<Vec<u8>> {
    const LARGEST: u32 = 4 << 20;
    let tables = u16::from_be_bytes(read_at(file, start + 4)?);
    for table in 0..u64::from(tables) {
        let record: [u8; 16] = read_at(file, start + 12 + 16 * table)?;
        let number = |from: usize| {
            u32::from_be_bytes([record[from], record[from + 1], record[from + 2], record[from + 3]])
        };
        if record[..4] == *b"cmap" && number(12) <= LARGEST {
            let mut bytes = vec![0; number(12) as usize];
            file.seek(SeekFrom::Start(u64::from(number(8))))?;
            file.read_exact(&mut bytes)?;
            return Ok(bytes);
        }
    }
    Ok(Vec::new())
}

fn read_at<const N: usize>(file: &mut File, place: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(place))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The crate's own font, found as a file: it has Latin and no Chinese.
    #[test]
    fn reads_which_letters_a_file_has() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fonts");
        let mut fonts = Fonts::new(&[folder, "/nowhere".into()]);
        assert_eq!(fonts.files.len(), 2, "the licence is no font");
        assert!(fonts.files[0].name.ends_with("dejavusans.ttf"), "the plain one first");
        assert!(fonts.face_for('é', Script::Other).is_some());
        assert!(fonts.face_for('花', Script::Han).is_none());
        assert_eq!(fonts.known.len(), 2, "both answers are remembered");
    }

    #[test]
    fn what_is_no_font_has_no_letters() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(
            letter_tables(&here.join("Cargo.toml")).is_ok_and(|tables| tables.iter().all(Vec::is_empty))
                || letter_tables(&here.join("Cargo.toml")).is_err()
        );
        assert!(letter_tables(Path::new("/nowhere.ttf")).is_err());
        assert!(!has_letter(b"nonsense", 'a'));
        assert!(Face::new(b"nonsense", 0).is_none());
    }
}
