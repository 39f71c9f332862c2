//! The twelve species: each is defined by the shape, number and arrangement of its petals.

use fastrand::Rng;

use super::blooms::{self, Bloom};
use super::palette::{
    APRICOT, BLUE, CREAM, Colours, Dye, LAVENDER, MAGENTA, PURPLE, ROSE, SCARLET, WHITE, YELLOW,
};

/// A kind of flower.
pub(super) struct Species {
    /// As `cat_to_name.json` says it.
    pub(super) name: &'static str,
    /// Whether it is always upright, because it is mirror-symmetric but its top differs from its
    /// bottom.
    pub(super) upright: bool,
    dyes: &'static [Dye],
    bloom: fn(&mut Rng, Colours) -> Bloom,
}

impl Species {
    /// One flower of this species, unlike any other.
    pub(super) fn grow(&self, rng: &mut Rng) -> Bloom {
        let colours = Colours::pick(rng, self.dyes);
        (self.bloom)(rng, colours)
    }
}

/// Species `i` has the folder label `i + 1`.
pub(super) const SPECIES: [Species; 12] = [
    Species {
        name: "primrose",
        upright: false,
        dyes: &[ROSE, YELLOW, PURPLE, WHITE, SCARLET],
        bloom: blooms::primrose,
    },
    Species {
        name: "hibiscus",
        upright: false,
        dyes: &[SCARLET, ROSE, APRICOT, WHITE, YELLOW],
        bloom: blooms::hibiscus,
    },
    Species {
        name: "periwinkle",
        upright: false,
        dyes: &[LAVENDER, BLUE, WHITE, ROSE, MAGENTA],
        bloom: blooms::periwinkle,
    },
    Species {
        name: "windflower",
        upright: false,
        dyes: &[WHITE, PURPLE, SCARLET, BLUE, ROSE],
        bloom: blooms::windflower,
    },
    Species {
        name: "garden cosmos",
        upright: false,
        dyes: &[MAGENTA, ROSE, WHITE, APRICOT, LAVENDER],
        bloom: blooms::cosmos,
    },
    Species {
        name: "clematis",
        upright: false,
        dyes: &[PURPLE, LAVENDER, MAGENTA, WHITE, BLUE],
        bloom: blooms::clematis,
    },
    Species {
        name: "gerbera",
        upright: false,
        dyes: &[APRICOT, SCARLET, YELLOW, ROSE, WHITE],
        bloom: blooms::gerbera,
    },
    Species {
        name: "dahlia",
        upright: false,
        dyes: &[ROSE, APRICOT, MAGENTA, YELLOW, PURPLE],
        bloom: blooms::dahlia,
    },
    Species {
        name: "tiger lily",
        upright: false,
        dyes: &[APRICOT, SCARLET, YELLOW, ROSE, WHITE],
        bloom: blooms::lily,
    },
    Species {
        name: "daffodil",
        upright: false,
        dyes: &[YELLOW, CREAM, WHITE, APRICOT, ROSE],
        bloom: blooms::daffodil,
    },
    Species {
        name: "moth orchid",
        upright: true,
        dyes: &[WHITE, MAGENTA, LAVENDER, YELLOW, ROSE],
        bloom: blooms::orchid,
    },
    Species {
        name: "camellia",
        upright: false,
        dyes: &[ROSE, SCARLET, WHITE, MAGENTA, CREAM],
        bloom: blooms::camellia,
    },
];
