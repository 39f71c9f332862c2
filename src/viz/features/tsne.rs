//! t-SNE: ["Visualizing Data using t-SNE"](https://www.jmlr.org/papers/v9/vandermaaten08a.html), van
//! der Maaten and Hinton 2008, with all pairs of points (no approximation).
//!
//! What scikit-learn's `TSNE(method="exact", init="pca")` does: the same affinities, exaggeration,
//! momentum, gains and learning rate.

use std::thread;

use tch::{Kind, Tensor};

use super::pca::{checked, pca};
use crate::{Error, Result, notebook};

/// How a t-SNE map is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TsneOptions {
    /// About how many neighbours each point has: 5 to 50. It is lowered for fewer than three times as
    /// many points.
    pub perplexity: f64,
    /// Steps of gradient descent, the first quarter of them exaggerated.
    pub iterations: usize,
}

impl Default for TsneOptions {
    /// Perplexity 30, 750 steps.
    fn default() -> Self {
        Self { perplexity: 30.0, iterations: 750 }
    }
}

/// How much longer attraction counts in the first quarter of the steps.
const EXAGGERATION: f32 = 12.0;
/// Features are brought down to so many principal components first.
const DIMENSIONS: i64 = 50;
/// All pairs are held in memory: 36 MB at 3000 points.
const MOST_POINTS: i64 = 3000;

/// A map of `features` (N, D) as points (N, 2), float32 on the CPU, in which near neighbours stay near;
/// far distances mean little. It starts from the principal components and is deterministic: the same
/// features give the same map.
///
/// # Errors
/// [`Error::Argument`] if the features are not (N, D) and finite, or are of more than 3000 points (the
/// time grows with their square: take a sample); if an option cannot work. [`Error::Interrupted`] when
/// the learner stopped it.
pub fn tsne(features: &Tensor, options: TsneOptions) -> Result<Tensor> {
    let x = checked(features)?;
    let count = x.size()[0];
    if count > MOST_POINTS {
        let told =
            format!("{count} points are too many for an exact t-SNE, give at most {MOST_POINTS} of them");
        return Err(Error::Argument(told));
    }
    if !(options.perplexity >= 1.0 && options.perplexity.is_finite()) {
        let told = format!("a perplexity of {} cannot work, 5 to 50 are usual", options.perplexity);
        return Err(Error::Argument(told));
    }
    let x = if x.size()[1] > DIMENSIONS { pca(&x, DIMENSIONS as usize)? } else { x };
    let start = pca(&x, 2)?;
    if count < 3 {
        return Ok(start);
    }
    let n = count as usize;
    let perplexity = options.perplexity.min((n as f64 - 1.0) / 3.0).max(1.0);
    let affinities = affinities(&squared_distances(&x)?, n, perplexity);
    let mut map = Map::new(&start, n)?;
    for step in 0..options.iterations {
        let early = step < options.iterations / 4;
        map.step(&affinities, if early { EXAGGERATION } else { 1.0 }, if early { 0.5 } else { 0.8 });
        if notebook::interrupted() {
            notebook::take_interrupt();
            return Err(Error::Interrupted);
        }
    }
    Ok(Tensor::f_from_slice(&map.points())?.f_reshape([count, 2])?)
}

/// |a − b|² of all pairs, row by row.
fn squared_distances(x: &Tensor) -> Result<Vec<f32>> {
    let x = x.f_to_kind(Kind::Double)?;
    let squares = x.f_multiply(&x)?.f_sum_dim_intlist([1i64].as_slice(), true, Kind::Double)?;
    let products = x.f_matmul(&x.f_transpose(0, 1)?)?.f_multiply_scalar(2.0)?;
    let distances = squares.f_add(&squares.f_transpose(0, 1)?)?.f_subtract(&products)?.f_clamp_min(0.0)?;
    Ok(Vec::try_from(&distances.f_to_kind(Kind::Float)?.f_reshape([-1])?)?)
}

/// The symmetric joint probabilities: each row's Gaussian is as wide as makes its perplexity right.
fn affinities(distances: &[f32], n: usize, perplexity: f64) -> Vec<f32> {
    let mut conditional = vec![0f32; n * n];
    for (i, (row, out)) in distances.chunks(n).zip(conditional.chunks_mut(n)).enumerate() {
        calibrate(row, i, perplexity.ln(), out);
    }
    let mut joint = vec![0f32; n * n];
    let total = 2.0 * n as f32;
    for i in 0..n {
        for j in (0..n).filter(|j| *j != i) {
            joint[i * n + j] = ((conditional[i * n + j] + conditional[j * n + i]) / total).max(1e-12);
        }
    }
    joint
}

/// `p(j | i) ∝ exp(−β d²)` with the β at which the entropy is `target` nats.
fn calibrate(distances: &[f32], own: usize, target: f64, out: &mut [f32]) {
    let (mut beta, mut low, mut high) = (1.0f64, 0.0f64, f64::INFINITY);
    let least = distances.iter().enumerate().filter(|(j, _)| *j != own).map(|(_, d)| *d);
    let least = f64::from(least.fold(f32::INFINITY, f32::min));
    for _ in 0..100 {
        let (mut sum, mut weighted) = (0.0f64, 0.0f64);
        for (j, (distance, out)) in distances.iter().zip(out.iter_mut()).enumerate() {
            let beyond = f64::from(*distance) - least;
            let p = if j == own { 0.0 } else { (-beta * beyond).exp() };
            sum += p;
            weighted += p * beyond;
            *out = p as f32;
        }
        let entropy = sum.ln() + beta * weighted / sum;
        out.iter_mut().for_each(|p| *p /= sum as f32);
        if (entropy - target).abs() < 1e-5 {
            break;
        }
        if entropy > target {
            low = beta;
            beta = if high.is_finite() { (beta + high) / 2.0 } else { beta * 2.0 };
        } else {
            high = beta;
            beta = (beta + low) / 2.0;
        }
    }
}

/// The points on their way, with the momentum and gain of each coordinate.
struct Map {
    x: Vec<f32>,
    y: Vec<f32>,
    moves: Vec<[f32; 2]>,
    gains: Vec<[f32; 2]>,
    rate: f32,
}

impl Map {
    fn new(start: &Tensor, n: usize) -> Result<Map> {
        let points = Vec::<f32>::try_from(&start.f_reshape([-1])?)?;
        let spread = points.iter().step_by(2).map(|x| x * x).sum::<f32>() / n as f32;
        // Points that are all the same stay where they are; a little disorder would mean nothing.
        let scale = if spread > 0.0 { 1e-4 / spread.sqrt() } else { 0.0 };
        let axis = |from: usize| points.iter().skip(from).step_by(2).map(|value| value * scale).collect();
        let rate = (n as f32 / EXAGGERATION / 4.0).max(50.0);
        Ok(Map { x: axis(0), y: axis(1), moves: vec![[0.0; 2]; n], gains: vec![[1.0; 2]; n], rate })
    }

    fn step(&mut self, affinities: &[f32], exaggeration: f32, momentum: f32) {
        let n = self.x.len();
        let threads = thread::available_parallelism().map_or(1, |count| count.get()).min(n.div_ceil(200));
        let rows = n.div_ceil(threads);
        let mut forces = vec![Forces::default(); n];
        let map = &*self;
        thread::scope(|scope| {
            for (part, forces) in forces.chunks_mut(rows).enumerate() {
                scope.spawn(move || {
                    for (offset, force) in forces.iter_mut().enumerate() {
                        let i = part * rows + offset;
                        *force = map.forces(i, &affinities[i * n..(i + 1) * n]);
                    }
                });
            }
        });
        let total: f32 = forces.iter().map(|force| force.near - 1.0).sum::<f32>().max(1e-12);
        for (i, force) in forces.iter().enumerate() {
            for axis in 0..2 {
                let slope = 4.0 * (exaggeration * force.pull[axis] - force.push[axis] / total);
                let (gain, moved) = (&mut self.gains[i][axis], &mut self.moves[i][axis]);
                *gain = if (slope > 0.0) == (*moved > 0.0) { (*gain * 0.8).max(0.01) } else { *gain + 0.2 };
                *moved = momentum * *moved - self.rate * *gain * slope;
            }
            self.x[i] += self.moves[i][0];
            self.y[i] += self.moves[i][1];
        }
    }

    /// What draws point `i` to all others, and what drives it away. In eight sums that run beside each
    /// other, which the processor adds at once.
    fn forces(&self, i: usize, affinities: &[f32]) -> Forces {
        const LANES: usize = 8;
        let (x, y) = (self.x[i], self.y[i]);
        let mut sums = [[0f32; LANES]; 5];
        let mut add = |lane: usize, p: f32, other_x: f32, other_y: f32| {
            let (dx, dy) = (x - other_x, y - other_y);
            let q = 1.0 / (1.0 + dx * dx + dy * dy);
            let (pull, push) = (p * q, q * q);
            sums[0][lane] += q;
            sums[1][lane] += pull * dx;
            sums[2][lane] += pull * dy;
            sums[3][lane] += push * dx;
            sums[4][lane] += push * dy;
        };
        let whole = affinities.len() / LANES * LANES;
        let chunks =
            affinities.chunks_exact(LANES).zip(self.x.chunks_exact(LANES).zip(self.y.chunks_exact(LANES)));
        for (p, (xs, ys)) in chunks {
            for lane in 0..LANES {
                add(lane, p[lane], xs[lane], ys[lane]);
            }
        }
        for (p, (x, y)) in affinities.iter().zip(self.x.iter().zip(&self.y)).skip(whole) {
            add(0, *p, *x, *y);
        }
        let sum = sums.map(|lanes| lanes.iter().sum::<f32>());
        Forces { near: sum[0], pull: [sum[1], sum[2]], push: [sum[3], sum[4]] }
    }

    /// x and y of each point in turn.
    fn points(&self) -> Vec<f32> {
        self.x.iter().zip(&self.y).flat_map(|(x, y)| [*x, *y]).collect()
    }
}

#[derive(Clone, Default)]
struct Forces {
    /// How near the others are, the point itself included, which is 1.
    near: f32,
    pull: [f32; 2],
    push: [f32; 2],
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    /// The perplexity of each row is 2 to the power of its entropy in bits: what was asked for.
    #[test]
    fn neighbourhoods_are_as_large_as_asked_for() {
        let mut rng = Rng::with_seed(3);
        let distances: Vec<f32> = (0..200).map(|_| 50.0 * rng.f32()).collect();
        let mut p = vec![0f32; 200];
        for perplexity in [5.0f64, 30.0, 60.0] {
            calibrate(&distances, 7, perplexity.ln(), &mut p);
            let entropy: f64 =
                p.iter().map(|p| f64::from(*p)).filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum();
            assert!((entropy.exp() - perplexity).abs() < 0.01 * perplexity, "{}", entropy.exp());
            assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-4 && p[7] == 0.0);
        }
    }

    /// Three clouds far from each other in ten dimensions: every nearest neighbour is of the same cloud.
    #[test]
    fn clouds_stay_apart() -> Result<()> {
        let mut rng = Rng::with_seed(1);
        let values: Vec<f32> =
            (0..90 * 10).map(|place| if place % 10 == place / 300 { 9.0 } else { 0.0 } + rng.f32()).collect();
        let features = Tensor::from_slice(&values).f_view([90, 10])?;
        let options = TsneOptions { iterations: 300, ..Default::default() };
        let map = Vec::<Vec<f32>>::try_from(tsne(&features, options)?)?;
        for (i, own) in map.iter().enumerate() {
            let distance = |j: usize| (map[j][0] - own[0]).hypot(map[j][1] - own[1]);
            let nearest = (0..90).filter(|j| *j != i).min_by(|a, b| distance(*a).total_cmp(&distance(*b)));
            assert_eq!(nearest.map(|j| j / 30), Some(i / 30), "point {i}");
        }
        assert_eq!(map, Vec::<Vec<f32>>::try_from(tsne(&features, options)?)?, "no chance in it");
        Ok(())
    }

    #[test]
    fn few_points_equal_points_and_too_many() -> Result<()> {
        let ones = |count: i64| Tensor::ones([count, 4], (Kind::Float, tch::Device::Cpu));
        for count in [0, 1, 2, 3, 8] {
            let map = tsne(&ones(count), TsneOptions::default())?;
            assert_eq!(map.size(), [count, 2]);
            assert!(Vec::<Vec<f32>>::try_from(map)?.concat().iter().all(|value| value.is_finite()));
        }
        let told = tsne(&ones(3001), TsneOptions::default()).unwrap_err().to_string();
        assert!(told.contains("at most 3000"), "{told}");
        let options = TsneOptions { perplexity: f64::NAN, ..Default::default() };
        assert!(tsne(&ones(5), options).unwrap_err().to_string().contains("perplexity of NaN"));
        Ok(())
    }
}
