//! The species of the large set, one after another.

use fastrand::Rng;

use super::form::Form;
use super::traits::Traits;

/// The minimum [`Form::distance`] of a species from each of the twelve of the default set: more than the
/// distance between the two closest of the twelve, 1.41.
const FROM_THE_TWELVE: f32 = 1.45;
/// The minimum distance between two species of the large set.
const APART: f32 = 0.6;
/// The seed of all species. Another seed gives another set.
const SEED: u64 = 300;

/// The first `count` species, the same every time: a larger set begins with the smaller one.
pub(super) fn garden(count: usize) -> Vec<Traits> {
    let mut rng = Rng::with_seed(SEED);
    let twelve = Form::of_the_twelve();
    let (mut species, mut forms): (Vec<Traits>, Vec<Form>) = (Vec::new(), Vec::new());
    while species.len() < count {
        let traits = Traits::draw(&mut rng);
        let form = Form::of(&traits);
        let nearest =
            |forms: &[Form]| forms.iter().map(|other| form.distance(other)).fold(f32::MAX, f32::min);
        if nearest(&twelve) >= FROM_THE_TWELVE && nearest(&forms) >= APART {
            species.push(traits);
            forms.push(form);
        }
    }
    species
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closest(forms: &[Form], others: &[Form]) -> f32 {
        let pairs = forms.iter().enumerate().flat_map(|(i, a)| {
            let others = others.iter().enumerate();
            others.filter(move |(j, b)| i != *j || !std::ptr::eq(a, *b)).map(|(_, b)| a.distance(b))
        });
        pairs.fold(f32::MAX, f32::min)
    }

    #[test]
    fn none_of_the_species_is_one_of_the_twelve() {
        let twelve = Form::of_the_twelve();
        let species: Vec<Form> = garden(300).iter().map(Form::of).collect();
        let (among_the_twelve, from_the_twelve) = (closest(&twelve, &twelve), closest(&species, &twelve));
        assert!(among_the_twelve > 1.4, "{among_the_twelve}");
        assert!(from_the_twelve > among_the_twelve, "{from_the_twelve} and {among_the_twelve}");
        assert!(closest(&species, &species) >= APART);
    }

    #[test]
    fn a_larger_set_begins_with_the_smaller_one() {
        assert!(garden(40)[..20] == garden(20)[..]);
    }
}
