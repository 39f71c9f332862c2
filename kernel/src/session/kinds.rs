//! How the types of variables are shown.

/// A type without the modules that its names come from: `Vec<herbarium::data::Batch>` becomes `Vec<Batch>`.
pub fn short(kind: &str) -> String {
    let mut short = String::new();
    let mut word = String::new();
    let mut rest = kind;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("::") {
            // The preceding word is a module, unless it is the end of a type, as in `<T as
            // Trait>::Out`.
            if word.is_empty() && short.ends_with('>') {
                short.push_str("::");
            }
            word.clear();
            rest = after;
            continue;
        }
        if first.is_alphanumeric() || first == '_' {
            word.push(first);
        } else {
            short.push_str(&word);
            word.clear();
            short.push(first);
        }
        rest = &rest[first.len_utf8()..];
    }
    short + &word
}

/// A type without the places in the source where its closures are: `Map<I, {closure@src/lib.rs:1:2: 1:9}>` becomes
/// `Map<I, {closure}>`.
pub fn without_places(kind: &str) -> String {
    let mut parts = kind.split('@');
    let first = parts.next().unwrap_or_default().to_owned();
    let text = parts.fold(first, |text, part| text + part.find('}').map_or(part, |end| &part[end..]));
    text.replace("{closure#0}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_shown_by_their_own_names() {
        assert_eq!(short("std::vec::Vec<(u8, herbarium::data::Batch)>"), "Vec<(u8, Batch)>");
        assert_eq!(short("std::option::Option<::tch::Tensor>"), "Option<Tensor>");
        assert_eq!(short("&'static str"), "&'static str");
        assert_eq!(short("<T as a::B>::Out"), "<T as B>::Out");
    }

    #[test]
    fn closures_are_shown_without_their_places() {
        let kind = "Map<I, {closure@src/lib.rs:1:2: 1:9}, {closure@src/lib.rs:2:2: 2:9}>";
        assert_eq!(without_places(kind), "Map<I, {closure}, {closure}>");
        assert_eq!(without_places("u8"), "u8");
    }
}
