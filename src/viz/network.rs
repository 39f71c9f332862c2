//! A network as blocks: what each part makes of a picture, and which parts learn.

use image::Rgb;

use super::Figure;
use crate::Result;
use crate::drawing::canvas::{Area, Canvas, Text};
use crate::drawing::palette::{BLUE, FAINT, GREY, INK};
use crate::models::{LayerSummary, Model, Summary};
use crate::notebook::numbers::thousands;

/// One part of a network, or several in a row that work at the same resolution.
#[derive(Clone, Debug, PartialEq)]
struct Block {
    /// The names of the first and the last part.
    first: String,
    last: String,
    /// The shape of what it gives, without the batch: (C, H, W) or (C,).
    output: Vec<i64>,
    params: usize,
    trainable: usize,
    /// Whether it is a layer without parts.
    is_leaf: bool,
}

/// Parts beyond which those that work at one resolution are drawn as one.
const MOST_BLOCKS: usize = 14;
/// Roots with fewer parts than this say little: the largest part is opened.
const FEW_PARTS: usize = 5;

const WIDTH: f32 = 960.0;
const MARGIN: f32 = 14.0;
const HEAD: f32 = 52.0;
/// Height of a block at most, of the size above it, and of the words below it.
const TALL: f32 = 142.0;
const SIZE: f32 = 16.0;
const WORDS: f32 = 62.0;
const GAP: f32 = 16.0;
/// Side of a block at one pixel, and how much each doubling adds.
const SIDE: f32 = 12.0;
const DOUBLING: f32 = 12.5;
/// How far the back of a block is to the right and up, as a share of its side.
const DEPTH: f32 = 0.32;
/// The fills: what learns, what is frozen, what has no parameters.
const TRAINABLE: Rgb<u8> = BLUE;
const FROZEN: Rgb<u8> = Rgb([176, 176, 176]);
const PLAIN: Rgb<u8> = Rgb([238, 238, 238]);

/// The network as blocks from left to right, as a picture of the shape `input_size`, `[N, 3, H, W]`, goes through them:
/// a block is as high as its maps are large and as thick as they are many (both by doublings), with the shape of what it
/// gives. Blue parts learn, dark grey ones are frozen, pale ones have no parameters; a part of which some learns is both.
///
/// ```
/// use herbarium::prelude::*;
///
/// let mut model = initialize_model("resnet18", 12, Pretrained::No, Device::Cpu)?;
/// model.freeze_all_but_head();
/// let figure = plot_network(&model, [1, 3, 64, 64])?;
/// assert!(figure.alt().contains("layer4: 512 x 2 x 2"));
/// # Ok::<(), herbarium::Error>(())
/// ```
///
/// # Errors
/// As [`Model::summary`].
pub fn plot_network(model: &Model, input_size: [i64; 4]) -> Result<Figure> {
    let summary = model.summary(input_size)?;
    let mut blocks = vec![input(&input_size)];
    blocks.extend(blocks_of(&summary));
    let rows = in_rows(&blocks);
    let height = HEAD + rows.iter().map(|row| tall(row) + WORDS).sum::<f32>() + MARGIN;
    let mut canvas = Canvas::new(WIDTH as u32, height as u32)?;
    let [batch, channels, height, width] = input_size;
    let told = format!(
        "{} for {batch} x {channels} x {height} x {width}: {} parameters, {} of them trainable",
        model.name(),
        thousands(summary.total_params),
        thousands(summary.trainable_params)
    );
    let style = Text::new(14.0).bold();
    canvas.text(&style.shortened(&told, WIDTH - 2.0 * MARGIN), (MARGIN, 22.0), style);
    legend(&mut canvas);
    let mut top = HEAD;
    for row in &rows {
        let tall = tall(row);
        let room = WIDTH - 2.0 * MARGIN - row.iter().map(width_of).sum::<f32>();
        // Blocks of a full row are spread over it.
        let gap = (room / row.len() as f32).clamp(GAP, 3.0 * GAP);
        let mut x = MARGIN + gap / 2.0;
        for (place, block) in row.iter().enumerate() {
            let wide = width_of(block);
            if place > 0 {
                arrow(&mut canvas, (x - gap, top + (tall + SIZE) / 2.0), gap);
            }
            draw(&mut canvas, block, Area::new(x, top + SIZE, wide, tall - SIZE));
            words(&mut canvas, block, (x + wide / 2.0, top + tall), wide + gap - 2.0);
            x += wide + gap;
        }
        top += tall + WORDS;
    }
    let list = blocks.iter().map(Block::in_words);
    canvas.figure(std::iter::once(told.clone()).chain(list).collect::<Vec<_>>().join("\n"))
}

impl Block {
    fn of(layer: &LayerSummary, names: &str) -> Block {
        Block {
            first: names.to_owned(),
            last: names.to_owned(),
            output: layer.output_size.iter().skip(1).copied().collect(),
            params: layer.params,
            trainable: layer.trainable_params,
            is_leaf: layer.is_leaf,
        }
    }

    /// With the parts of `next`, which works on what this one gives.
    fn with(self, next: Block) -> Block {
        Block {
            last: next.last,
            output: next.output,
            params: self.params + next.params,
            trainable: self.trainable + next.trainable,
            is_leaf: self.is_leaf && next.is_leaf,
            ..self
        }
    }

    /// `conv1 … relu`.
    fn name(&self) -> String {
        if self.first == self.last { self.first.clone() } else { format!("{} … {}", self.first, self.last) }
    }

    /// The same without the parts that hold it: `denseblock1` of `features.denseblock1`.
    fn short_name(&self) -> String {
        let short = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
        let (first, last) = (short(&self.first), short(&self.last));
        // Where parts have numbers for names, those say which container's they are.
        if first.starts_with(|letter: char| letter.is_ascii_digit()) {
            let to = if first == last { String::new() } else { format!(" … {last}") };
            return self.first.clone() + &to;
        }
        if first == last { first } else { format!("{first} … {last}") }
    }

    fn shape(&self) -> String {
        self.output.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ")
    }

    /// Height and width of its maps; 1 of what has none.
    fn side(&self) -> i64 {
        if let &[_, height, width] = self.output.as_slice() { height.max(width) } else { 1 }
    }

    fn in_words(&self) -> String {
        let learns = match (self.params, self.trainable) {
            (0, _) => "no parameters".to_string(),
            (all, 0) => format!("{} parameters, frozen", thousands(all)),
            (all, some) if all == some => format!("{} parameters, trainable", thousands(all)),
            (all, some) => format!("{} parameters, {} of them trainable", thousands(all), thousands(some)),
        };
        format!("{}: {}, {learns}", self.name(), self.shape())
    }
}

fn input(input_size: &[i64; 4]) -> Block {
    let name = "picture".to_owned();
    let output = input_size[1..].to_vec();
    Block { first: name.clone(), last: name, output, params: 0, trainable: 0, is_leaf: false }
}

/// The network's parts as they work: layers in a row that change no shape are one, and so are, where there are many,
/// parts at one resolution.
fn blocks_of(summary: &Summary) -> Vec<Block> {
    let depth = |path: &str| if path.is_empty() { 0 } else { path.split('.').count() };
    let parts: Vec<&LayerSummary> =
        summary.layers.iter().filter(|layer| depth(&layer.path) == 1 && !layer.recursive).collect();
    let open = (parts.len() < FEW_PARTS)
        .then(|| parts.iter().filter(|part| !part.is_leaf).max_by_key(|part| part.mult_adds))
        .flatten();
    let mut blocks: Vec<Block> = Vec::new();
    for part in &parts {
        if open.is_some_and(|open| open.path == part.path) {
            let inside = format!("{}.", part.path);
            let children = summary.layers.iter().filter(|layer| {
                layer.path.starts_with(&inside) && depth(&layer.path) == 2 && !layer.recursive
            });
            children.for_each(|child| push(&mut blocks, Block::of(child, &child.path)));
        } else {
            push(&mut blocks, Block::of(part, &part.path));
        }
    }
    if blocks.len() <= MOST_BLOCKS {
        return blocks;
    }
    let mut stages: Vec<Block> = Vec::new();
    for block in blocks {
        match stages.pop() {
            Some(stage) if stage.side() == block.side() => stages.push(stage.with(block)),
            stage => stages.extend(stage.into_iter().chain([block])),
        }
    }
    stages
}

/// Adds a block, to the last one if both are single layers and the shape stays: `conv1 … relu`.
fn push(blocks: &mut Vec<Block>, block: Block) {
    match blocks.pop() {
        Some(last)
            if last.is_leaf && block.is_leaf && last.output == block.output && last.output.len() == 3 =>
        {
            blocks.push(last.with(block));
        }
        last => blocks.extend(last.into_iter().chain([block])),
    }
}

/// The front of a block: thickness by the doublings of channels, side by those of pixels.
fn front(block: &Block) -> (f32, f32) {
    let doublings = |count: i64| (count.max(1) as f32).log2();
    let channels = block.output.first().copied().unwrap_or(1);
    (
        6.0 + 4.5 * doublings(channels),
        (SIDE + DOUBLING * doublings(block.side())).min(TALL / (1.0 + DEPTH) - 8.0),
    )
}

/// Height of a row: of its highest block and the size above it.
fn tall(row: &[Block]) -> f32 {
    SIZE + row.iter().map(|block| front(block).1 * (1.0 + DEPTH)).fold(0.0, f32::max)
}

/// Room that a block and its words need across.
fn width_of(block: &Block) -> f32 {
    let (thick, side) = front(block);
    let name = Text::new(10.5).bold().width(&block.short_name()).min(112.0);
    (thick + DEPTH * side).max(name).max(Text::new(10.5).width(&block.shape()))
}

/// As many blocks in a row as fit.
fn in_rows(blocks: &[Block]) -> Vec<Vec<Block>> {
    let mut rows: Vec<Vec<Block>> = vec![Vec::new()];
    let mut used = 0.0;
    for block in blocks {
        let wide = width_of(block) + GAP;
        if used + wide > WIDTH - 2.0 * MARGIN && used > 0.0 {
            rows.push(Vec::new());
            used = 0.0;
        }
        used += wide;
        rows.last_mut().expect("there is a row from the start").push(block.clone());
    }
    rows
}

fn shade(colour: Rgb<u8>, by: f32) -> Rgb<u8> {
    Rgb(colour.0.map(|value| (f32::from(value) * by).clamp(0.0, 255.0) as u8))
}

/// A block in its room, its middle in the middle.
fn draw(canvas: &mut Canvas, block: &Block, room: Area) {
    let (thick, side) = front(block);
    let back = DEPTH * side;
    let x = room.x + (room.width - thick - back) / 2.0;
    let y = room.y + (room.height - side - back) / 2.0 + back;
    let colour = match (block.params, block.trainable) {
        (0, _) => PLAIN,
        (_, 0) => FROZEN,
        _ => TRAINABLE,
    };
    let top = [(x, y), (x + back, y - back), (x + back + thick, y - back), (x + thick, y)];
    let right = [
        (x + thick, y),
        (x + thick + back, y - back),
        (x + thick + back, y - back + side),
        (x + thick, y + side),
    ];
    canvas.rect(Area::new(x, y, thick, side), colour);
    canvas.polygon_over(&top, shade(colour, 1.12), 1.0);
    canvas.polygon_over(&right, shade(colour, 0.8), 1.0);
    if block.trainable > 0 && block.trainable < block.params {
        // The lower part is what is frozen, as large as its share of the parameters.
        let frozen = side * (1.0 - block.trainable as f32 / block.params as f32);
        canvas.rect(Area::new(x, y + side - frozen, thick, frozen), FROZEN);
    }
    let edges = [(x, y), (x + thick, y), (x + thick, y + side), (x, y + side), (x, y)];
    canvas.line_over(&edges, 0.75, INK, 0.7);
    canvas.line_over(&top, 0.75, INK, 0.7);
    canvas.line_over(&right[1..], 0.75, INK, 0.7);
    if block.output.len() == 3 {
        let size = format!("{} px", block.side());
        canvas.text(&size, (x + (thick + back) / 2.0, y - back - 5.0), Text::new(10.0).colour(GREY).middle());
    }
}

/// Name, shape and parameters below a block.
fn words(canvas: &mut Canvas, block: &Block, (x, y): (f32, f32), room: f32) {
    let (bold, plain) = (Text::new(10.5).bold().middle(), Text::new(10.5).middle());
    canvas.text(&bold.shortened(&block.short_name(), room), (x, y + 14.0), bold);
    canvas.text(&plain.shortened(&block.shape(), room), (x, y + 29.0), plain);
    let params = match block.params {
        0 => String::new(),
        few if few < 1_000 => few.to_string(),
        some if some < 1_000_000 => format!("{:.1} k", some as f64 / 1e3),
        many => format!("{:.2} M", many as f64 / 1e6),
    };
    canvas.text(&params, (x, y + 43.0), plain.colour(GREY));
}

fn arrow(canvas: &mut Canvas, (x, y): (f32, f32), long: f32) {
    let (from, to) = (x + 0.15 * long, x + 0.85 * long);
    canvas.line_over(&[(from, y), (to, y)], 1.0, GREY, 1.0);
    canvas.line_over(&[(to - 3.0, y - 3.0), (to, y), (to - 3.0, y + 3.0)], 1.0, GREY, 1.0);
}

fn legend(canvas: &mut Canvas) {
    let mut x = MARGIN;
    for (name, colour) in [("learns", TRAINABLE), ("frozen", FROZEN), ("no parameters", PLAIN)] {
        canvas.rect(Area::new(x, 32.0, 12.0, 9.0), colour);
        canvas.frame(Area::new(x, 32.0, 12.0, 9.0), 0.75, FAINT);
        let style = Text::new(11.0).colour(GREY);
        canvas.text(name, (x + 17.0, 40.5), style);
        x += 17.0 + style.width(name) + 14.0;
    }
    let style = Text::new(11.0).colour(GREY);
    canvas.text("channels x height x width after each part, and its parameters", (x + 8.0, 40.5), style);
}
