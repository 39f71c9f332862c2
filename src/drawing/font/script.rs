//! A letter's script, as far as it helps to find a font.

/// Scripts whose fonts are recognised by their names, or that share letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Script {
    Arabic,
    Hebrew,
    Han,
    Japanese,
    Korean,
    Indic,
    Thai,
    Other,
}

impl Script {
    /// The script of a text: of its first letter that has one. Chinese letters beside kana are
    /// Japanese.
    pub(super) fn of(text: &str) -> Script {
        let found: Vec<Script> = text.chars().map(of_letter).collect();
        if found.contains(&Script::Japanese) {
            return Script::Japanese;
        }
        found.into_iter().find(|script| *script != Script::Other).unwrap_or(Script::Other)
    }

    /// Whether a font file of this name (in small letters) may have the script, on Linux, macOS and
    /// Windows. Other fonts are found too, only later.
    pub(super) fn is_likely(self, name: &str) -> bool {
        let words: &[&str] = match self {
            Script::Arabic => {
                &["arabic", "naskh", "geezapro", "amiri", "tahoma", "segoeui", "arial", "dejavusans"]
            }
            Script::Hebrew => &["hebrew", "arialhb", "david", "tahoma", "segoeui", "arial", "dejavusans"],
            Script::Han => &[
                "cjk",
                "sanssc",
                "sanshans",
                "pingfang",
                "msyh",
                "simhei",
                "simsun",
                "stheiti",
                "wqy",
                "droidsansfallback",
                "sourcehan",
                "hiragino",
            ],
            Script::Japanese => {
                &["cjk", "sansjp", "hiragino", "yugoth", "meiryo", "msgothic", "ipa", "takao", "sourcehan"]
            }
            Script::Korean => &["cjk", "sanskr", "applesdgothic", "malgun", "nanum", "gulim", "sourcehan"],
            Script::Indic => {
                &["devanagari", "bengali", "tamil", "telugu", "nirmala", "mangal", "kohinoor", "lohit"]
            }
            Script::Thai => &["thai", "leelaw", "thonburi", "tahoma", "loma"],
            Script::Other => &["notosans-", "dejavusans", "segoeui", "arial", "symbol"],
        };
        words.iter().any(|word| name.contains(word))
    }

    /// What a collection's font for the script has in its family name.
    pub(super) fn wanted(self) -> Option<&'static str> {
        match self {
            Script::Han => Some(" SC"),
            Script::Japanese => Some(" JP"),
            Script::Korean => Some(" KR"),
            _ => None,
        }
    }
}

fn of_letter(letter: char) -> Script {
    match u32::from(letter) {
        0x0590..=0x05ff | 0xfb1d..=0xfb4f => Script::Hebrew,
        0x0600..=0x08ff | 0xfb50..=0xfdff | 0xfe70..=0xfefe => Script::Arabic,
        0x0900..=0x0dff => Script::Indic,
        0x0e00..=0x0e7f => Script::Thai,
        0x3040..=0x30ff | 0x31f0..=0x31ff => Script::Japanese,
        0x1100..=0x11ff | 0x3130..=0x318f | 0xac00..=0xd7af => Script::Korean,
        0x2e80..=0x303f | 0x3100..=0x312f | 0x3400..=0x9fff | 0xf900..=0xfaff | 0xff00..=0xffef => {
            Script::Han
        }
        0x20000..=0x3ffff => Script::Han,
        _ => Script::Other,
    }
}

/// Marks on the letter before, joiners and selectors: drawn in that letter's font, or not at all.
pub(super) fn joins_the_letter_before(letter: char) -> bool {
    matches!(
        u32::from(letter),
        0x0300..=0x036f | 0x0483..=0x0489 | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x200b..=0x200f | 0x2060 | 0x20d0..=0x20ff
            | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f
    )
}

/// Whether a text can be drawn letter by letter, without shaping.
pub(super) fn is_plain(text: &str) -> bool {
    text.chars().all(|letter| !joins_the_letter_before(letter) && matches!(of_letter(letter), Script::Other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_of_texts() {
        for (text, script) in [
            ("rose", Script::Other),
            ("✓ 菊花", Script::Han),
            ("桜の花", Script::Japanese),
            ("장미", Script::Korean),
            ("ورد", Script::Arabic),
            ("गुलाब", Script::Indic),
        ] {
            assert_eq!(Script::of(text), script, "{text}");
        }
        assert!(is_plain("Ångström Ромашка ✓") && !is_plain("e\u{301}") && !is_plain("ورد"));
    }
}
