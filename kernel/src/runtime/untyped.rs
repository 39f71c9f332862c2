//! Variables that later cells could not use.
//!
//! evcxr keeps a variable by the name of its type. The analysis that infers it leaves a `_` where it cannot compute an
//! array's length. rustc can infer the length in this cell, but not in the next one, so no later cell would compile.

/// How evcxr puts a variable away: the type, then the name.
const PUT: &str = "put_variable::<";
const NAME: &str = ">(stringify!(";

/// A variable, and its type as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untyped {
    pub name: String,
    pub kind: String,
}

/// The variables that the source of a cell puts away by a type with a `_` in it.
pub fn untyped(source: &str) -> Vec<Untyped> {
    let mut found: Vec<Untyped> = Vec::new();
    for rest in source.split(PUT).skip(1) {
        let Some((kind, rest)) = rest.split_once(NAME) else { continue };
        let Some((name, _)) = rest.split_once(')') else { continue };
        // A type takes one line; a longer match comes from the learner's own code.
        if !kind.contains('\n') && has_placeholder(kind) && found.iter().all(|other| other.name != name) {
            found.push(Untyped { name: name.to_owned(), kind: kind.to_owned() });
        }
    }
    found
}

/// Whether a type leaves a part to be inferred; the lifetime `'_` does not count.
fn has_placeholder(kind: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '\'';
    kind.split(|c| !is_word(c)).any(|word| word == "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_types_with_a_part_to_infer() {
        let put = |name: &str, kind: &str| {
            format!("evcxr_variable_store.put_variable::<{kind}>(stringify!({name}), {name});\n")
        };
        let source = put("a", "[u8; 3]")
            + &put("b", "Vec<[f32; _]>")
            + &put("c", "Held<'_, My_Type>")
            + "fn put_variable<T>() {} put_variable::<_\n"
            + &put("d", "[u8; _]")
            + &put("d", "[u8; _]");
        let found = untyped(&source);
        let found: Vec<(&str, &str)> = found.iter().map(|one| (&*one.name, &*one.kind)).collect();
        assert_eq!(found, [("b", "Vec<[f32; _]>"), ("d", "[u8; _]")]);
        assert!(untyped("").is_empty());
    }
}
