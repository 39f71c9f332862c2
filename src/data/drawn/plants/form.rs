//! A bloom's form in numbers, and the distance between two forms.

use fastrand::Rng;

use super::traits::{Habit, Traits};
use crate::data::drawn::blooms::Bloom;
use crate::data::drawn::centre::Centre;
use crate::data::drawn::palette::Colours;
use crate::data::drawn::petal::{Mark, Outline, Petal};
use crate::data::drawn::species::{SPECIES, Species};

/// The form of a species without its colours, measured on the petals of its blooms: the twelve and the large
/// set are defined in different ways, so they are compared by what is painted.
#[derive(Clone, Debug)]
pub(super) struct Form {
    /// How many petals there are, as a logarithm.
    petals: f32,
    /// The shortest petal's share of the longest one's length.
    shortest: f32,
    /// Width of the longest petal in its lengths, as a logarithm.
    width: f32,
    outline: Outline,
    mark: &'static str,
    middle: &'static str,
    /// Radius or length of the middle, in flower radii.
    middle_size: f32,
    /// Whether top and bottom differ.
    two_sided: bool,
    /// How many blooms stand together, as a logarithm.
    blooms: f32,
}

impl Form {
    /// The forms of the twelve species of the default set.
    pub(super) fn of_the_twelve() -> Vec<Form> {
        SPECIES.iter().map(Form::of_species).collect()
    }

    fn of_species(species: &Species) -> Form {
        let mut rng = Rng::with_seed(0);
        let grown: Vec<Bloom> = (0..GROWN).map(|_| species.grow(&mut rng)).collect();
        Form::measure(&grown, species.upright, 1)
    }

    pub(super) fn of(traits: &Traits) -> Form {
        let mut rng = Rng::with_seed(0);
        let grown: Vec<Bloom> = (0..GROWN)
            .map(|_| {
                let colours = Colours::pick(&mut rng, &traits.dyes);
                traits.bloom(colours, &mut rng)
            })
            .collect();
        let blooms = match traits.habit {
            Habit::Solitary => 1,
            Habit::Few(_) => 3,
            Habit::Head(count) | Habit::Spike(count) => count,
        };
        Form::measure(&grown, traits.is_two_sided(), blooms)
    }

    fn measure(grown: &[Bloom], two_sided: bool, blooms: u32) -> Form {
        let mean = |of: &dyn Fn(&Bloom) -> f32| grown.iter().map(of).sum::<f32>() / grown.len() as f32;
        let (middle, _) = middle(&grown[0].centre);
        let longest = longest(&grown[0]);
        Form {
            petals: mean(&|bloom| (bloom.petals.len() as f32).ln()),
            shortest: mean(&|bloom| shortest(bloom) / self::longest(bloom).length),
            width: mean(&|bloom| (self::longest(bloom).width / self::longest(bloom).length).ln()),
            outline: longest.outline,
            mark: mark(&longest.mark),
            middle,
            middle_size: mean(&|bloom| self::middle(&bloom.centre).1),
            two_sided,
            blooms: (blooms as f32).ln(),
        }
    }

    /// The distance between two forms: the sum of the differences below. Half as many petals count 0.7, a
    /// different pattern 0.4, a different kind of centre 0.6, a different symmetry 1.
    pub(super) fn distance(&self, other: &Form) -> f32 {
        let (a, b) = (&self.outline, &other.outline);
        let differ = |differ: bool, weight: f32| if differ { weight } else { 0.0 };
        let middle = if self.middle == other.middle {
            2.0 * (self.middle_size - other.middle_size).abs()
        } else {
            0.6
        };
        (self.petals - other.petals).abs()
            + (self.shortest - other.shortest).abs()
            + 0.8 * (self.width - other.width).abs()
            + 0.5 * (a.root - b.root).abs()
            + 1.5 * (a.widest - b.widest).abs()
            + 0.5 * (a.blunt.min(4.0).ln() - b.blunt.min(4.0).ln()).abs()
            + 2.0 * (a.notch - b.notch).abs()
            + differ((a.teeth > 0.0) != (b.teeth > 0.0), 0.4)
            + 3.0 * (a.ruffle - b.ruffle).abs()
            + (a.slant - b.slant).abs()
            + differ(self.mark != other.mark, 0.4)
            + middle
            + differ(self.two_sided != other.two_sided, 1.0)
            + 0.5 * (self.blooms - other.blooms).abs()
    }
}

/// How many blooms the form is averaged over, because counts and sizes vary.
const GROWN: usize = 8;

fn longest(bloom: &Bloom) -> &Petal {
    let longest = bloom.petals.iter().max_by(|a, b| a.length.total_cmp(&b.length));
    longest.expect("every bloom has petals")
}

fn shortest(bloom: &Bloom) -> f32 {
    bloom.petals.iter().map(|petal| petal.length).fold(f32::MAX, f32::min)
}

fn mark(mark: &Mark) -> &'static str {
    match mark {
        Mark::Plain => "plain",
        Mark::Band(..) => "band",
        Mark::Eye(..) => "eye",
        Mark::Rim(_) => "rim",
        Mark::Spots(_) => "spots",
        Mark::Tip(..) => "tip",
        Mark::Veins(..) => "veins",
        Mark::Belt(..) => "belt",
    }
}

/// What the middle is, and how large.
fn middle(centre: &Centre) -> (&'static str, f32) {
    match *centre {
        Centre::Hidden => ("hidden", 0.0),
        Centre::Disc { radius, .. } => ("disc", radius),
        Centre::Rimmed { radius, .. } => ("rimmed disc", radius),
        Centre::Stamens { length, .. } => ("stamens", length),
        Centre::Crown { length, .. } => ("crown", length),
        Centre::Trumpet { radius, .. } => ("trumpet", radius),
        Centre::Column { length, .. } => ("column", length),
    }
}
