//! Names of tensors in a network that another one held when it was saved.

use crate::weights::StateDict;

/// What wrappers put before each name: `DataParallel` and `DistributedDataParallel`, PyTorch Lightning,
/// `torch.compile`, and classes that keep a network in an attribute.
const WRAPPERS: [&str; 8] = [
    "module.",
    "model.",
    "_orig_mod.",
    "backbone.",
    "net.",
    "network.",
    "_forward_module.",
    "_fsdp_wrapped_module.",
];

/// The prefix of one or several wrappers that all names have; empty for none.
pub(super) fn wrapper<'a>(names: impl Iterator<Item = &'a str> + Clone) -> String {
    let Some(first) = names.clone().next() else { return String::new() };
    let mut end = 0;
    while let Some(next) = WRAPPERS.iter().find(|wrapper| first[end..].starts_with(**wrapper)) {
        let longer = &first[..end + next.len()];
        if longer.len() == first.len() || !names.clone().all(|name| name.starts_with(longer)) {
            break;
        }
        end = longer.len();
    }
    first[..end].to_owned()
}

/// The state under the names that the network itself gives them, and the prefix that was removed.
pub(crate) fn without_wrappers(state: StateDict) -> (StateDict, String) {
    let prefix = wrapper(state.iter().map(|(name, _)| name.as_str()));
    if prefix.is_empty() {
        return (state, prefix);
    }
    let state = state.into_iter().map(|(name, tensor)| (name[prefix.len()..].to_owned(), tensor)).collect();
    (state, prefix)
}

/// `given` under the names of `own`, where one of them is wrapped and the other not, or otherwise, and what was done
/// to the names: a network that was saved in a wrapper is loaded into another, or into none. What fits already
/// stays as it is.
pub(super) fn aligned(own: &StateDict, given: &StateDict) -> Option<(StateDict, String)> {
    if given.iter().any(|(name, _)| own.contains(name)) {
        return None;
    }
    let outer = |state: &StateDict| wrapper(state.iter().map(|(name, _)| name.as_str()));
    let (own_prefix, given_prefix) = (outer(own), outer(given));
    let renamed: StateDict = given
        .iter()
        .map(|(name, tensor)| {
            (format!("{own_prefix}{}", &name[given_prefix.len()..]), tensor.shallow_clone())
        })
        .collect();
    let done = match (own_prefix.as_str(), given_prefix.as_str()) {
        (own, "") => format!("`{own}` put before every name"),
        ("", given) => format!("`{given}` removed from every name"),
        (own, given) => format!("`{given}` replaced by `{own}` in every name"),
    };
    renamed.iter().any(|(name, _)| own.contains(name)).then_some((renamed, done))
}

#[cfg(test)]
mod tests {
    use tch::Tensor;

    use super::*;

    fn state(names: &[&str]) -> StateDict {
        names.iter().map(|name| ((*name).to_owned(), Tensor::from(1f32))).collect()
    }

    #[test]
    fn prefixes_that_all_names_have_are_taken_off() {
        let off = |names: &[&str]| {
            let (state, prefix) = without_wrappers(state(names));
            (state.keys().join(" "), prefix)
        };
        assert_eq!(off(&["model.fc.weight", "model.fc.bias"]), ("fc.weight fc.bias".into(), "model.".into()));
        assert_eq!(off(&["module._orig_mod.net.a.b"]), ("a.b".into(), "module._orig_mod.net.".into()));
        // One name is without, or nothing would be left of one, or it is a layer's own name.
        assert_eq!(off(&["model.fc.weight", "loss.weight"]).1, "");
        assert_eq!(off(&["module.model.", "module.model.a"]).1, "module.");
        assert_eq!(off(&["features.0.weight", "features.0.bias"]).1, "");
        assert_eq!(off(&[]).1, "");
    }

    #[test]
    fn a_wrapped_network_takes_plain_names_and_the_reverse() {
        let names = |own: &[&str], given: &[&str]| {
            let (renamed, done) = aligned(&state(own), &state(given))?;
            Some((renamed.keys().join(" "), done))
        };
        let renamed = |names: &str, done: &str| Some((names.to_owned(), done.to_owned()));
        assert_eq!(
            names(&["net.a", "net.b"], &["a", "b"]),
            renamed("net.a net.b", "`net.` put before every name")
        );
        assert_eq!(names(&["a"], &["module.a"]), renamed("a", "`module.` removed from every name"));
        let both = renamed("model.a", "`module._orig_mod.` replaced by `model.` in every name");
        assert_eq!(names(&["model.a"], &["module._orig_mod.a"]), both);
        assert_eq!(names(&["a", "b"], &["a", "c"]), None);
        assert_eq!(names(&["a", "b"], &["x.a", "x.b"]), None);
    }
}
