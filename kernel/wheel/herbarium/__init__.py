"""The Herbarium kernel as pip installs it: programs in Rust, and the sources that cells are compiled with."""
