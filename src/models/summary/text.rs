//! The text of a summary, as torchinfo prints it with `row_settings=["var_names", "depth"]` and
//! `col_names=["output_size", "num_params", "mult_adds", "trainable"]`.

use std::fmt;

use super::{LayerSummary, Summary};
use crate::notebook::numbers::thousands;

const COLUMNS: [&str; 4] = ["Output Shape", "Param #", "Mult-Adds", "Trainable"];
const COLUMN_WIDTH: usize = 25;
const LEAST_NAME_WIDTH: usize = 40;
const INDENT: usize = 5;

pub(super) fn write(summary: &Summary, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let width = name_width(&summary.layers);
    let line = "=".repeat(width + COLUMNS.len() * COLUMN_WIDTH);
    writeln!(f, "{line}")?;
    write_row(f, width, "Layer (type (var_name):depth-idx)", COLUMNS.map(str::to_owned))?;
    writeln!(f, "{line}")?;
    for (layer, closed) in summary.shown() {
        let name = format!("{}{}", branch(layer.depth), title(layer));
        let cells = [
            format!("{:?}", layer.output_size),
            layer.params_text(closed),
            layer.mult_adds_text(closed),
            layer.trainable().to_owned(),
        ];
        write_row(f, width, &name, cells)?;
    }
    let Summary { total_params, trainable_params, .. } = *summary;
    writeln!(f, "{line}")?;
    writeln!(f, "Total params: {}", thousands(total_params))?;
    writeln!(f, "Trainable params: {}", thousands(trainable_params))?;
    writeln!(f, "Non-trainable params: {}", thousands(total_params - trainable_params))?;
    writeln!(f, "Total mult-adds {}", in_units(summary.total_mult_adds))?;
    writeln!(f, "{line}")?;
    writeln!(f, "Input size (MB): {}", megabytes(summary.input_bytes))?;
    writeln!(f, "Forward/backward pass size (MB): {}", megabytes(summary.output_bytes))?;
    writeln!(f, "Params size (MB): {}", megabytes(summary.param_bytes))?;
    writeln!(f, "Estimated Total Size (MB): {}", megabytes(summary.total_bytes()))?;
    f.write_str(&line)
}

fn write_row(f: &mut fmt::Formatter<'_>, width: usize, name: &str, cells: [String; 4]) -> fmt::Result {
    let mut row = format!("{name:<width$} ");
    for cell in cells {
        row += &format!("{cell:<COLUMN_WIDTH$} ");
    }
    writeln!(f, "{}", row.trim_end())
}

fn title(layer: &LayerSummary) -> String {
    let LayerSummary { kind, depth, index, .. } = layer;
    let number = if *depth > 0 { format!(": {depth}-{index}") } else { String::new() };
    format!("{kind} ({}){number}", layer.name())
}

fn branch(depth: usize) -> String {
    match depth {
        0 => String::new(),
        1 => "├─".into(),
        _ => "│    ".repeat(depth - 1) + "└─",
    }
}

fn name_width(layers: &[LayerSummary]) -> usize {
    let longest = layers.iter().map(|layer| layer.depth * INDENT + 1 + title(layer).chars().count()).max();
    match longest {
        Some(longest) if longest >= LEAST_NAME_WIDTH => longest.div_ceil(INDENT) * INDENT,
        _ => LEAST_NAME_WIDTH,
    }
}

/// `(M): 296.22`.
fn in_units(number: u64) -> String {
    let (unit, number) = units(number);
    format!("({unit}): {number:.2}")
}

/// A number in millions, or in billions or trillions where there are any.
pub(super) fn units(number: u64) -> (&'static str, f64) {
    let (unit, size) = match number {
        0..1_000_000_000 => ("M", 1e6),
        1_000_000_000..1_000_000_000_000 => ("G", 1e9),
        _ => ("T", 1e12),
    };
    (unit, number as f64 / size)
}

/// With two digits after the point.
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / 1e6)
}
