//! A chart's title and legend: on one line if there is room, else the legend in lines below the title.

use image::Rgb;

use super::canvas::{Area, Canvas, Text};
use super::palette::INK;

const TITLE: f32 = 14.0;
const NAME: f32 = 11.0;
/// The line beside a name: its length, and the space to the name and to the next.
const SAMPLE: f32 = 14.0;
const SPACE: f32 = 4.0;
const APART: f32 = 12.0;
/// Height of the title's line, and of each line of the legend below it.
const TITLE_LINE: f32 = 34.0;
const LINE: f32 = 16.0;

/// A title and the names of lines, laid out in a width.
pub(crate) struct Heading {
    title: String,
    entries: Vec<Entry>,
    height: f32,
}

/// One name with the sample of its colour.
struct Entry {
    name: String,
    colour: Rgb<u8>,
    /// The box around sample and name, from the heading's left upper corner.
    area: Area,
}

impl Heading {
    /// Places any number of names: as many per line as fit; a name longer than a line is shortened.
    pub(crate) fn new(title: &str, legend: &[(String, Rgb<u8>)], width: f32) -> Self {
        let title = Text::new(TITLE).bold().shortened(title, width);
        let style = Text::new(NAME);
        let most = (width - SAMPLE - SPACE).max(1.0);
        let named: Vec<(String, Rgb<u8>, f32)> = legend
            .iter()
            .map(|(name, colour)| {
                let name = style.shortened(name, most);
                let long = SAMPLE + SPACE + style.width(&name);
                (name, *colour, long)
            })
            .collect();
        let all = named.iter().map(|entry| entry.2 + APART).sum::<f32>() - APART;
        let beside = Text::new(TITLE).bold().width(&title) + 2.0 * APART + all <= width;
        let (mut x, mut y) = match (title.is_empty(), beside) {
            (true, _) => (0.0, 9.0),
            (false, true) => (width - all, 9.0),
            (false, false) => (0.0, TITLE_LINE - 8.0),
        };
        let mut entries = Vec::with_capacity(named.len());
        for (name, colour, long) in named {
            if x > 0.0 && x + long > width + 0.01 {
                (x, y) = (0.0, y + LINE);
            }
            entries.push(Entry { name, colour, area: Area::new(x, y, long, LINE) });
            x += long + APART;
        }
        let height = if entries.is_empty() { TITLE_LINE } else { (y + LINE + 8.0).max(TITLE_LINE) };
        Self { title, entries, height }
    }

    /// Whether all names stand on the title's line.
    pub(crate) fn is_one_line(&self) -> bool {
        self.height == TITLE_LINE
    }

    /// Room that it takes, in CSS pixels.
    pub(crate) fn height(&self) -> f32 {
        self.height
    }

    /// Draws it with its left upper corner at a place.
    pub(crate) fn draw(&self, canvas: &mut Canvas, (x, y): (f32, f32)) {
        canvas.text(&self.title, (x, y + 21.0), Text::new(TITLE).bold());
        for Entry { name, colour, area } in &self.entries {
            let (left, base) = (x + area.x, y + area.y + 11.0);
            canvas.rect(Area::new(left, base - 5.0, SAMPLE, 2.0), *colour);
            canvas.text(name, (left + SAMPLE + SPACE, base), Text::new(NAME).colour(INK));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heading(title: &str, names: &[String], width: f32) -> Heading {
        let legend: Vec<_> = names.iter().map(|name| (name.clone(), INK)).collect();
        Heading::new(title, &legend, width)
    }

    /// No box lies on another, on the title, or outside, for any number of names of any length.
    #[test]
    fn boxes_have_room() {
        for count in [0, 1, 2, 6, 7, 30, 200] {
            for length in [1, 8, 24, 60, 400] {
                for width in [40.0, 290.0, 450.0, 930.0] {
                    let names: Vec<String> = (0..count)
                        .map(|i| "mn".repeat(length)[..length + i % length.min(9)].into())
                        .collect();
                    let heading = heading("Validation accuracy", &names, width);
                    let what = format!("{count} names of {length} in {width}");
                    let title = Area::new(0.0, 9.0, Text::new(TITLE).bold().width(&heading.title), 16.0);
                    let boxes: Vec<Area> = std::iter::once(title)
                        .chain(heading.entries.iter().map(|entry| entry.area))
                        .collect();
                    for (index, area) in boxes.iter().enumerate() {
                        assert!(
                            area.x >= 0.0 && area.right() <= width.max(SAMPLE + SPACE + 12.0) + 0.1,
                            "{what}: {area:?}"
                        );
                        assert!(
                            area.bottom() <= heading.height(),
                            "{what}: {area:?} of {}",
                            heading.height()
                        );
                        for other in &boxes[..index] {
                            let apart = area.x >= other.right()
                                || other.x >= area.right()
                                || area.y >= other.bottom()
                                || other.y >= area.bottom();
                            assert!(apart, "{what}: {area:?} and {other:?}");
                        }
                    }
                    assert_eq!(heading.entries.len(), count);
                }
            }
        }
    }

    #[test]
    fn a_short_legend_stands_beside_the_title() {
        let beside = heading("Loss", &["train".into(), "valid".into()], 290.0);
        assert_eq!(beside.height(), TITLE_LINE);
        assert!((beside.entries[1].area.right() - 290.0).abs() < 0.1, "at the right");
        let networks =
            ["resnet18", "densenet121", "mobilenet_v2", "squeezenet1_1", "efficientnet_b0", "vgg11_bn"];
        let six = heading("Validation loss", &networks.map(String::from), 450.0);
        assert!(six.height() > TITLE_LINE && six.entries.iter().all(|entry| entry.area.y >= 26.0));
    }
}
