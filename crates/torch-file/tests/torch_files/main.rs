//! Files that PyTorch wrote, files made by hand to do harm, and files that are damaged.

mod fuzz;
mod hostile;
mod real_files;
mod whole_models;

type Outcome = Result<(), Box<dyn std::error::Error>>;
