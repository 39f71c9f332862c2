//! The environment in which a template's compilers are found.

use std::path::{Path, PathBuf};

use super::recipe::Recipe;
use super::{Plan, Template, outside};
use crate::runtime;

impl Plan {
    /// The environment this process needs before evcxr starts: its cargo, rustc and rustup are the template's.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let bin = self.path.join("bin");
        let users = || outside::variable("PATH").unwrap_or_default();
        let recipe = Recipe::read(&self.path).filter(|_| self.store.is_none());
        let outside = recipe.map_or_else(users, |recipe| recipe.path);
        let mut variables = vec![
            (super::recipe::TEMPLATE_VARIABLE, self.path.display().to_string()),
            ("CARGO_HOME", self.path.display().to_string()),
            ("CARGO", bin.join("cargo").display().to_string()),
            ("RUSTC", bin.join("rustc").display().to_string()),
            ("RUST_SRC_PATH", self.path.join(super::recipe::SESSION_LIBRARY).display().to_string()),
            ("PATH", format!("{}:{outside}", bin.display())),
        ];
        if let Some(store) = &self.store {
            variables.push((super::recipe::STORE_VARIABLE, store.display().to_string()));
            variables.push((super::recipe::OUTSIDE_PATH, users()));
            variables.push((super::recipe::OUTSIDE_CARGO_HOME, self.cargo_home(store)));
        }
        variables
    }

    /// What differs from [`variables`](Plan::variables) in the process with rust-analyzer.
    pub fn variables_of_analysis(&self) -> [(&'static str, String); 2] {
        let library = self.path.join(super::recipe::LIBRARY);
        [("RUST_SRC_PATH", library.display().to_string()), (super::recipe::ANALYSIS, "1".to_owned())]
    }

    /// The cargo home of a user who shares a template: the usual one, or where that cannot be written, one in the store.
    fn cargo_home(&self, store: &Path) -> String {
        let usual = outside::variable("CARGO_HOME").map(PathBuf::from);
        let usual = usual.or_else(|| Some(dirs::home_dir()?.join(".cargo")));
        let usual = usual.filter(|home| super::can_write(home));
        usual.unwrap_or_else(|| store.join("cargo")).display().to_string()
    }
}

impl Template {
    /// The variables to restore in the cells' process, so that commands that a cell runs see the
    /// user's tools.
    pub fn variables_of_cells(&self) -> Vec<(&'static str, Option<String>)> {
        let library = self.recipe.helper_library().map(|library| library.display().to_string());
        vec![
            (runtime::AHEAD, library),
            ("PATH", outside::variable("PATH")),
            ("CARGO_HOME", outside::variable("CARGO_HOME")),
            ("CARGO", None),
            ("RUSTC", None),
            ("RUST_SRC_PATH", None),
            // libtorch allocates and frees large blocks all the time. Keeping them in the allocator
            // instead of returning them to the system makes a forward pass up to a fifth faster.
            ("MALLOC_MMAP_THRESHOLD_", Some("33554432".to_owned())),
            ("MALLOC_TRIM_THRESHOLD_", Some("4294967296".to_owned())),
            ("LIBTORCH", self.plan.location.libtorch.as_ref().map(|folder| folder.display().to_string())),
            // The weights that come with the crate are read from its checkout, however the kernel was started.
            ("HERBARIUM_CRATE", Some(self.plan.location.crate_folder.display().to_string())),
        ]
    }
}
