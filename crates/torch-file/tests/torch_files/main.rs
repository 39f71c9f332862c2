//! Files that PyTorch wrote, malicious files made by hand, and damaged files.

mod fuzz;
mod hostile;
mod real_files;
mod whole_models;

type Outcome = Result<(), Box<dyn std::error::Error>>;
