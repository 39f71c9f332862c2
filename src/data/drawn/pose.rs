//! A flower's position, size and orientation in the picture.

/// Turns a point about the origin.
pub(super) fn turn(point: [f32; 2], angle: f32) -> [f32; 2] {
    let (sin, cos) = angle.sin_cos();
    [point[0] * cos - point[1] * sin, point[0] * sin + point[1] * cos]
}

/// The place of a flower: its own plane, in which it has radius 1, laid into the picture.
#[derive(Clone, Copy)]
pub(super) struct Pose {
    /// The flower's middle, in pixels.
    pub(super) centre: [f32; 2],
    /// Its radius in pixels.
    pub(super) radius: f32,
    /// How it is turned in its own plane, in radians.
    pub(super) rotation: f32,
    /// How much shorter it looks in one direction because it is seen from the side: 1 is not at all.
    pub(super) squash: f32,
    /// That direction, in radians.
    pub(super) towards: f32,
}

impl Pose {
    /// A point of the flower's plane in pixels.
    pub(super) fn to_image(self, point: [f32; 2]) -> [f32; 2] {
        let flat = turn(point, self.rotation - self.towards);
        let seen = turn([flat[0] * self.squash, flat[1]], self.towards);
        [self.centre[0] + self.radius * seen[0], self.centre[1] + self.radius * seen[1]]
    }

    /// A pixel in the flower's plane.
    pub(super) fn to_flower(self, pixel: [f32; 2]) -> [f32; 2] {
        let seen = [(pixel[0] - self.centre[0]) / self.radius, (pixel[1] - self.centre[1]) / self.radius];
        let flat = turn(seen, -self.towards);
        turn([flat[0] / self.squash, flat[1]], self.towards - self.rotation)
    }

    /// The map from pixels to coordinates along and across a direction of the flower's plane, seen
    /// from a point in it.
    pub(super) fn local(self, from: [f32; 2], angle: f32) -> Local {
        let at = |pixel: [f32; 2]| {
            let point = self.to_flower(pixel);
            turn([point[0] - from[0], point[1] - from[1]], -angle)
        };
        let origin = at([0.0, 0.0]);
        let step = |pixel| {
            let moved = at(pixel);
            [moved[0] - origin[0], moved[1] - origin[1]]
        };
        Local { origin, right: step([1.0, 0.0]), down: step([0.0, 1.0]) }
    }

    /// Pixels per unit of the flower's plane, on average over the directions.
    pub(super) fn pixels(self) -> f32 {
        self.radius * self.squash.sqrt()
    }

    /// A direction in the picture (where the light comes from), in the flower's plane.
    pub(super) fn direction(self, towards: [f32; 2]) -> [f32; 2] {
        turn(towards, -self.rotation)
    }
}

/// An affine map from pixels to a petal's own coordinates.
#[derive(Clone, Copy)]
pub(super) struct Local {
    origin: [f32; 2],
    right: [f32; 2],
    down: [f32; 2],
}

impl Local {
    pub(super) fn of(&self, pixel: [f32; 2]) -> [f32; 2] {
        std::array::from_fn(|i| self.origin[i] + pixel[0] * self.right[i] + pixel[1] * self.down[i])
    }
}

#[cfg(test)]
mod tests {
    use super::Pose;

    #[test]
    fn there_and_back() {
        let pose = Pose { centre: [100.0, 140.0], radius: 80.0, rotation: 0.7, squash: 0.6, towards: 2.0 };
        let back = pose.to_flower(pose.to_image([0.3, -0.8]));
        assert!((back[0] - 0.3).abs() < 1e-5 && (back[1] + 0.8).abs() < 1e-5, "{back:?}");
        let along = [0.1 + 0.5 * 2.0f32.cos(), 0.2 + 0.5 * 2.0f32.sin()];
        let [x, y] = pose.local([0.1, 0.2], 2.0).of(pose.to_image(along));
        assert!((x - 0.5).abs() < 1e-4 && y.abs() < 1e-4, "{x} {y}");
    }
}
