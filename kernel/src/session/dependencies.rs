//! `:dep`: crates that come with the kernel are already there, and all others are built separately before
//! evcxr sees them.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};

use super::collector::Collector;
use super::worker::Worker;
use super::{CellError, Stream};
use crate::dependency::Dependency;
use crate::syntax;
use crate::template::recipe::{ERROR, NOTE, PREPARE, Recipe};
use crate::template::template_crates::{Crates, TemplateCrate};

impl Worker {
    /// Handles the `:dep` lines of a cell that has the crate. Returns the cell for evcxr: the lines it needs in
    /// their resolved form, the others blank, so that the number of lines stays the same.
    pub(super) fn provide_dependencies(&mut self, code: &str) -> Result<String, CellError> {
        let Some(cargo) = self.cargo.clone().filter(|_| code.contains(":dep")) else {
            return Ok(code.to_owned());
        };
        let template = cargo.ancestors().nth(2).unwrap_or(Path::new("/"));
        let crates = Crates::read(template).unwrap_or_default();
        let recipe = Recipe::read(template).unwrap_or_default();
        let first = syntax::first_rust_line(code).unwrap_or(usize::MAX);
        let (mut lines, mut new): (Vec<String>, Vec<Dependency>) = (Vec::new(), Vec::new());
        for (number, line) in code.lines().enumerate() {
            let wanted = syntax::dependency(line).filter(|_| number < first);
            let wanted = wanted.map(|arguments| read(arguments, &recipe)).transpose()?;
            match wanted {
                None => lines.push(line.to_owned()),
                Some(wanted) if recipe.is_given(&wanted.name) => {
                    // The line for the helper crate is for other kernels: here anything it says is
                    // fine.
                    let said = if recipe.is_helper(&wanted.name) { None } else { wanted.given(&crates)? };
                    if let Some(text) = said {
                        self.shared.collector.print(Stream::Stdout, format!("{text}\n").as_bytes());
                    }
                    lines.push(String::new());
                }
                Some(wanted) => {
                    lines.push(format!(":dep {}", wanted.line()));
                    new.push(wanted);
                }
            }
        }
        if !new.is_empty() {
            let mut all = self.dependencies();
            all.retain(|line| new.iter().all(|wanted| !line.starts_with(&format!("{} =", wanted.name))));
            all.extend(new.iter().map(Dependency::line));
            self.build_dependencies(&cargo, &all)?;
        }
        Ok(lines.join("\n") + if code.ends_with('\n') { "\n" } else { "" })
    }

    /// The dependencies of earlier cells, as a manifest has them.
    pub(super) fn dependencies(&mut self) -> Vec<String> {
        let outputs = self.context.as_mut().and_then(|context| context.execute(":show_deps").ok());
        let text = outputs.and_then(|mut outputs| outputs.content_by_mime_type.remove("text/plain"));
        text.unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// `:show_deps`: what comes with the kernel, and what cells have added.
    pub(super) fn show_dependencies(&mut self) {
        let template = self.cargo.as_ref().and_then(|cargo| cargo.ancestors().nth(2));
        let crates = template.and_then(Crates::read).unwrap_or_default();
        let given = crates
            .given
            .iter()
            .map(|given| format!("{} = \"{}\" (comes with the kernel)", given.name, given.version));
        let mut lines: Vec<String> = given.collect();
        lines.sort();
        lines.extend(self.dependencies());
        if lines.is_empty() {
            lines.push("No dependencies; `:dep NAME = \"VERSION\"` adds one".to_owned());
        }
        self.shared.collector.print(Stream::Stdout, (lines.join("\n") + "\n").as_bytes());
    }

    /// Builds all of these with the kernel's cargo, unless a kernel of this user has done so.
    fn build_dependencies(&self, cargo: &Path, lines: &[String]) -> Result<(), CellError> {
        let cannot = |error: std::io::Error| {
            CellError::new("DependencyError", format!("cargo cannot be run: {error}"))
        };
        let folder =
            self.folder.cells().map_err(|error| CellError::new("DependencyError", error.to_string()))?;
        let mut command = Command::new(cargo);
        command.arg(PREPARE).args(is_offline(&folder).then_some("--offline")).current_dir(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(cannot)?;
        let feed =
            |stdin: Option<ChildStdin>| stdin.map(|mut stdin| stdin.write_all(lines.join("\n").as_bytes()));
        // If the child has ended, it reports the reason itself.
        let _ = feed(child.stdin.take());
        let (answer, said) = (child.stdout.take(), child.stderr.take());
        let (mut failure, mut rest) = (None, String::new());
        let collector = &self.shared.collector;
        std::thread::scope(|scope| {
            scope.spawn(|| show_progress(said, collector, &mut rest));
            for line in answer.map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok)
            {
                let text =
                    |json: &str| serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned());
                if let Some(note) = line.strip_prefix(NOTE) {
                    collector.print(Stream::Stdout, format!("{}\n", text(note)).as_bytes());
                } else if let Some(reason) = line.strip_prefix(ERROR) {
                    failure = Some(text(reason));
                }
            }
        });
        let status = child.wait().map_err(cannot)?;
        if status.success() {
            return Ok(());
        }
        let reason = failure.unwrap_or_else(|| format!("cargo ended with {status}\n{rest}"));
        Err(self.or_interrupted(CellError::new("DependencyError", reason.trim_end()), false))
    }
}

/// Shows each line as the current build step; other lines are kept.
fn show_progress(said: Option<impl Read>, collector: &Collector, rest: &mut String) {
    for line in said.map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
        if line.starts_with(char::is_uppercase) {
            collector.building(&line);
        } else {
            rest.push_str(&line);
            rest.push('\n');
        }
    }
}

/// Whether evcxr was asked not to use the network (`:offline 1`): evcxr then writes this to cargo's
/// configuration.
fn is_offline(folder: &Path) -> bool {
    let config = std::fs::read_to_string(folder.join(".cargo/config.toml")).unwrap_or_default();
    config.lines().any(|line| line.trim() == "offline = true")
}

/// Parses a `:dep` line. For crates that are already here, the source is ignored.
fn read(arguments: &str, recipe: &Recipe) -> Result<Dependency, CellError> {
    Dependency::parse(arguments, |name| !recipe.is_given(name))
        .map_err(|why| CellError::new("DependencyError", why.explain(":dep", "NAME = \"VERSION\"")))
}

impl Dependency {
    fn text(&self, key: &str) -> Option<&str> {
        self.how.get(key)?.as_str()
    }

    fn version(&self) -> &str {
        self.how.as_str().or_else(|| self.text("version")).unwrap_or("*")
    }

    /// The note about a crate that comes with the kernel; an error if that is not what the line asks for.
    fn given(&self, crates: &Crates) -> Result<Option<String>, CellError> {
        let same = |given: &&TemplateCrate| given.name.replace('-', "_") == self.name.replace('-', "_");
        let Some(given) = crates.given.iter().find(same) else { return Ok(None) };
        let has = format!("{} {} comes with the kernel", given.name, given.version);
        let foreign = ["path", "git", "registry"].into_iter().find(|key| self.how.get(key).is_some());
        let renamed = self.text("package").is_some_and(|package| package != given.name);
        if foreign.is_some() || renamed {
            return Err(self.clash(&format!("{has}, and its name refers to that"), given));
        }
        let asked = semver::VersionReq::parse(self.version()).map_err(|error| {
            let text = format!("`{}` is not a version: {error}", self.version());
            CellError::new("DependencyError", text)
        })?;
        if !semver::Version::parse(&given.version).is_ok_and(|version| asked.matches(&version)) {
            return Err(self.clash(
                &format!("{has}: a program that also uses {} {} would have two", given.name, self.version()),
                given,
            ));
        }
        let features = self.how.get("features").and_then(toml::Value::as_array);
        let features: Vec<&str> = features.into_iter().flatten().filter_map(toml::Value::as_str).collect();
        if let Some(unknown) =
            features.iter().find(|name| !given.declared.contains_key(**name) && !given.has(name))
        {
            let text = format!("{} {} has no feature `{unknown}`", given.name, given.version);
            return Err(CellError::new("DependencyError", text));
        }
        let missing: Vec<&str> = features.into_iter().filter(|name| !given.has(name)).collect();
        if !missing.is_empty() {
            return Err(self.clash(&format!("{has}, without the feature {}", missing.join(", ")), given));
        }
        let wants_defaults =
            self.how.get("default-features").is_none_or(|value| value.as_bool() != Some(false));
        let missing = if wants_defaults { given.missing_defaults() } else { Vec::new() };
        let but = if missing.is_empty() {
            String::new()
        } else {
            format!(", except for {} of its default features", missing.join(", "))
        };
        Ok(Some(format!("{has}{but}: nothing to build")))
    }

    /// The error for a version, source or feature that a given crate cannot have, with a way out.
    fn clash(&self, why: &str, given: &TemplateCrate) -> CellError {
        let mut how = match &self.how {
            toml::Value::Table(how) => how.clone(),
            version => toml::Table::from_iter([("version".to_owned(), version.clone())]),
        };
        let version: String = self.version().chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
        let mut name = format!("{}_{}", given.name, version.trim_matches('.').replace('.', "_"));
        if version.is_empty() {
            name = format!("other_{}", given.name);
        }
        how.entry("package").or_insert_with(|| given.name.clone().into());
        let other = Dependency { name, how: how.into() };
        let text = format!(
            "{why}. Another version can be added under another name, with its own types: `:dep {}`",
            other.line()
        );
        CellError::new("DependencyError", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crates() -> Crates {
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let declared = [("default", names(&["png", "avif"])), ("png", names(&[])), ("avif", names(&[]))];
        let image = TemplateCrate {
            name: "image".to_owned(),
            version: "0.25.10".to_owned(),
            enabled: names(&["png"]),
            declared: declared.map(|(name, list)| (name.to_owned(), list)).into_iter().collect(),
        };
        Crates { given: vec![image], ..Crates::default() }
    }

    #[test]
    fn what_comes_with_the_kernel_is_said_or_why_not() {
        let said = |arguments: &str| {
            let recipe = Recipe { given: vec!["herbarium".to_owned()], ..Recipe::default() };
            read(arguments, &recipe).unwrap().given(&crates()).map_err(|error| error.evalue)
        };
        let there = "image 0.25.10 comes with the kernel: nothing to build";
        assert_eq!(
            said("image = { version = \"0.25\", default-features = false }").unwrap().as_deref(),
            Some(there)
        );
        assert!(said("image").unwrap().unwrap().contains("except for avif of its default features"));
        assert_eq!(said("herbarium = { path = \"./no-such-folder\" }").unwrap(), None);
        let clash = said("image = \"0.24\"").unwrap_err();
        assert!(clash.contains("`:dep image_0_24 = { package = \"image\", version = \"0.24\" }`"), "{clash}");
        assert!(
            said("image = { version = \"0.25\", features = [\"avif\"] }")
                .unwrap_err()
                .contains("without the feature avif")
        );
        assert!(
            said("image = { version = \"0.25\", features = [\"jxl\"] }")
                .unwrap_err()
                .contains("no feature `jxl`")
        );
        assert!(
            said("image = { git = \"https://example.org\" }")
                .unwrap_err()
                .contains("its name refers to that")
        );
    }
}
