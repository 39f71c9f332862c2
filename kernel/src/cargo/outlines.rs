//! What rust-analyzer reads of dependencies: outlines, written once, of the packages whose types can reach a
//! cell.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::Tools;
use crate::recipe::{CELL_CRATE, METADATA_FILE};
use crate::resolve::Resolved;
use crate::sources::redirect_package;

/// The template's `cargo metadata` with the packages of dependencies added.
pub fn metadata(tools: &Tools, resolved: &Resolved) -> std::io::Result<Value> {
    let mut metadata: Value = serde_json::from_slice(&std::fs::read(tools.template.join(METADATA_FILE))?)?;
    let asked = resolved.asked_for();
    let mut kept: BTreeSet<String> = ids(&metadata["packages"], "id").collect();
    let needed = resolved.closure(asked.iter().map(|(_, id)| id.as_str()));
    let new: Vec<&String> = needed.iter().filter(|id| !kept.contains(*id) && resolved.is_read(id)).collect();
    for id in &new {
        let Some(mut package) = resolved.package(id).cloned() else { continue };
        if !package["source"].is_null() {
            let (name, version) = resolved.title(id);
            let copy = tools.place(Path::new("outlines").join(format!("{name}-{version}")));
            // Sources that are not UTF-8 are read in place.
            let mut outlined = package.clone();
            if redirect_package(&mut outlined, &copy).is_ok() {
                package = outlined;
            }
        }
        push(&mut metadata["packages"], package);
    }
    kept.extend(new.iter().map(|id| id.to_string()));
    let nodes = resolved.metadata["resolve"]["nodes"].as_array().into_iter().flatten();
    for node in nodes.filter(|node| new.iter().any(|id| node["id"] == **id)) {
        let mut node = node.clone();
        retain(&mut node["dependencies"], |id| is_in(id, &kept));
        retain(&mut node["deps"], |dependency| is_in(&dependency["pkg"], &kept));
        push(&mut metadata["resolve"]["nodes"], node);
    }
    add_to_cell(&mut metadata, resolved, &asked, &kept);
    Ok(metadata)
}

/// Names the dependencies as the cell's own.
fn add_to_cell(
    metadata: &mut Value,
    resolved: &Resolved,
    asked: &[(String, String)],
    kept: &BTreeSet<String>,
) {
    let cell = metadata["resolve"]["root"].clone();
    let mut nodes = metadata["resolve"]["nodes"].as_array_mut().into_iter().flatten();
    if let Some(node) = nodes.find(|node| node["id"] == cell) {
        for (name, id) in asked.iter().filter(|(_, id)| kept.contains(id)) {
            push(&mut node["dependencies"], id.as_str().into());
            let kinds = json!([{"kind": null, "target": null}]);
            push(&mut node["deps"], json!({"name": name, "pkg": id, "dep_kinds": kinds}));
        }
    }
    let names: Vec<&str> = asked.iter().map(|(_, id)| resolved.title(id).0).collect();
    let root = resolved.metadata["resolve"]["root"].as_str().and_then(|root| resolved.package(root));
    let declared = root.and_then(|root| root["dependencies"].as_array()).into_iter().flatten();
    let declared: Vec<Value> = declared
        .filter(|one| one["name"].as_str().is_some_and(|name| names.contains(&name)))
        .cloned()
        .collect();
    let mut packages = metadata["packages"].as_array_mut().into_iter().flatten();
    if let Some(package) = packages.find(|package| package["name"] == CELL_CRATE) {
        declared.into_iter().for_each(|one| push(&mut package["dependencies"], one));
    }
}

fn ids<'a>(list: &'a Value, key: &'a str) -> impl Iterator<Item = String> + 'a {
    list.as_array().into_iter().flatten().filter_map(move |one| one[key].as_str().map(str::to_owned))
}

fn is_in(id: &Value, kept: &BTreeSet<String>) -> bool {
    id.as_str().is_some_and(|id| kept.contains(id))
}

fn push(list: &mut Value, one: Value) {
    if let Some(list) = list.as_array_mut() {
        list.push(one);
    }
}

fn retain(list: &mut Value, keep: impl Fn(&Value) -> bool) {
    if let Some(list) = list.as_array_mut() {
        list.retain(keep);
    }
}

/// An answer for a kernel's own folder.
pub fn for_folder(metadata: &str, folder: &Path) -> String {
    metadata.replace(crate::recipe::FOLDER_PLACEHOLDER, &folder.display().to_string())
}
