//! IPython's `%` lines.

/// The equivalent of each magic, by the first word of the line without `%`.
const MAGICS: [(&[&str], &str); 13] = [
    (&["matplotlib", "pylab"], "pictures appear below their cell automatically: leave the line out"),
    (&["time", "timeit", "prun"], "`:timing` shows from now on how long each cell takes"),
    (&["bash", "sh", "script", "system", "sx"], "a shell command begins with `!`: `!ls`"),
    (&["cd"], "the working folder is changed with `std::env::set_current_dir(\"..\")?;`"),
    (&["pwd"], "the working folder is `std::env::current_dir()?`"),
    (&["env", "set_env"], "a variable of the environment is `std::env::var(\"HOME\")?`"),
    (&["who", "whos", "who_ls"], "`:vars` lists the variables"),
    (&["reset", "reset_selective"], "`:clear` forgets variables and definitions"),
    (&["pip", "conda"], "a crate is added on its own line: `:dep regex = \"1\"`"),
    (
        &["load_ext", "reload_ext", "autoreload", "config"],
        "nothing has to be loaded or set for this: leave the line out",
    ),
    (&["pinfo", "pinfo2", "pdoc", "psource"], "`?Vec` shows what is known about a name"),
    (&["debug", "pdb", "tb", "xmode"], "`dbg!(1 + 1)` shows a value in place"),
    (&["writefile"], "a file is written by `std::fs::write(\"file.txt\", \"text\")?;`"),
];

/// The help for a line that begins with `%`.
pub fn help(line: &str) -> String {
    let name = line.trim().trim_start_matches('%').split_whitespace().next().unwrap_or_default();
    let known = MAGICS.iter().find(|(names, _)| names.contains(&name));
    known.map_or("`:help` lists the commands of this kernel".to_owned(), |(_, help)| (*help).to_owned())
}

/// The help for a shell command that installs what only Python can use.
pub fn for_shell(command: &str) -> Option<String> {
    let mut words = command.split_whitespace().skip_while(|word| ["python", "python3", "-m"].contains(word));
    let installs = ["pip", "pip3", "conda", "mamba"].contains(&words.next()?) && words.next()? == "install";
    let name = words.find(|word| !word.starts_with('-'))?.split(['=', '<', '>', '[']).next()?;
    installs.then(|| format!("this installs a package for Python; a crate is added by `:dep {name} = \"*\"`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_help() {
        assert!(help("%matplotlib inline").contains("leave the line out"));
        assert!(help("  %%timeit -n 3").contains("`:timing`"));
        assert!(help("%unheard_of").contains("`:help`"));
        assert!(for_shell("python3 -m pip install -q numpy==2").unwrap().contains("`:dep numpy = \"*\"`"));
        assert_eq!(for_shell("pip list"), None);
        assert_eq!(for_shell("ls install"), None);
    }
}
