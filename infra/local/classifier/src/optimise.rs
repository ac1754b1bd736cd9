//! The fit: the weights for which the examples are likeliest, kept small.

/// Documents in sparse rows, with the labels that they have.
#[derive(Debug, Default)]
pub(crate) struct Problem {
    /// Each row's features, as index and value.
    pub(crate) rows: Vec<Vec<(u32, f32)>>,
    /// Each row's labels.
    pub(crate) targets: Vec<Vec<usize>>,
    /// How many features there are.
    pub(crate) features: usize,
    /// How many labels there are.
    pub(crate) labels: usize,
    /// Each label's share of the documents: what a document without a known feature is to be taken for.
    pub(crate) shares: Vec<f64>,
    /// Whether exactly one label fits a document, or each may or may not.
    pub(crate) exclusive: bool,
    /// The weight of the penalty on large weights; the biases are not penalised.
    pub(crate) penalty: f64,
}

/// How much it counts that documents without a known feature come out as [`Problem::shares`]: as much as so
/// large a part of all documents. There are no such examples, so that the biases would have any score.
const WITHOUT_FEATURES: f64 = 0.1;

/// How many steps L-BFGS remembers.
const MEMORY: usize = 6;
/// The fit is good enough once the gradient is this much shorter than at the start.
const TOLERANCE: f64 = 1e-4;

impl Problem {
    /// The weights, those of one feature side by side, and after the last feature's the biases.
    ///
    /// The objective is smooth and convex, so that L-BFGS with backtracking finds its one minimum: no
    /// learning rate, no chance.
    pub(crate) fn fit(&self, most_steps: usize) -> Vec<f64> {
        let size = (self.features + 1) * self.labels;
        let mut weights = vec![0.0; size];
        let mut gradient = vec![0.0; size];
        let mut loss = self.evaluate(&weights, &mut gradient);
        let enough = norm(&gradient) * TOLERANCE;
        let mut memory: Vec<Step> = Vec::new();
        let (mut candidate, mut next) = (vec![0.0; size], vec![0.0; size]);
        for _ in 0..most_steps {
            if norm(&gradient) <= enough {
                break;
            }
            let mut direction = descend(&gradient, &memory);
            let mut slope = dot(&direction, &gradient);
            if slope >= 0.0 {
                memory.clear();
                direction = gradient.iter().map(|slope| -slope).collect();
                slope = -dot(&gradient, &gradient);
            }
            let mut length = if memory.is_empty() { 1.0 / norm(&gradient).max(1.0) } else { 1.0 };
            let found = loop {
                candidate.copy_from_slice(&weights);
                add(&mut candidate, length, &direction);
                let reached = self.evaluate(&candidate, &mut next);
                if reached <= loss + 1e-4 * length * slope {
                    break Some(reached);
                }
                length /= 2.0;
                if length < 1e-12 {
                    break None;
                }
            };
            let Some(reached) = found else { break };
            let moved: Vec<f64> = direction.iter().map(|part| part * length).collect();
            let bent: Vec<f64> = next.iter().zip(&gradient).map(|(new, old)| new - old).collect();
            let product = dot(&moved, &bent);
            if product > 1e-12 {
                if memory.len() == MEMORY {
                    memory.remove(0);
                }
                memory.push(Step { moved, bent, product });
            }
            std::mem::swap(&mut weights, &mut candidate);
            std::mem::swap(&mut gradient, &mut next);
            loss = reached;
        }
        weights
    }

    /// The objective at `weights`, and its gradient.
    fn evaluate(&self, weights: &[f64], gradient: &mut [f64]) -> f64 {
        let penalised = self.features * self.labels;
        let mut loss = 0.0;
        for (index, (slope, weight)) in gradient.iter_mut().zip(weights).enumerate() {
            let penalty = if index < penalised { self.penalty } else { 0.0 };
            *slope = penalty * weight;
            loss += penalty * weight * weight / 2.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "a number of documents")]
        let share = 1.0 / self.rows.len().max(1) as f64;
        let mut scores: Vec<f64> = weights.iter().skip(penalised).copied().collect();
        loss += WITHOUT_FEATURES * (log_partition(&scores, self.exclusive) - dot(&scores, &self.shares));
        probabilities(&mut scores, self.exclusive);
        for (slope, (score, share)) in
            gradient.iter_mut().skip(penalised).zip(scores.iter().zip(&self.shares))
        {
            *slope += WITHOUT_FEATURES * (score - share);
        }
        for (row, targets) in self.rows.iter().zip(&self.targets) {
            if let Some(biases) = weights.get(penalised..) {
                scores.copy_from_slice(biases);
            }
            for (feature, value) in row {
                let Some(weights) = weights.get(self.span(*feature)) else { continue };
                for (score, weight) in scores.iter_mut().zip(weights) {
                    *score += f64::from(*value) * weight;
                }
            }
            let wanted: f64 = targets.iter().filter_map(|target| scores.get(*target)).sum();
            loss += share * (log_partition(&scores, self.exclusive) - wanted);
            probabilities(&mut scores, self.exclusive);
            for target in targets {
                if let Some(score) = scores.get_mut(*target) {
                    *score -= 1.0;
                }
            }
            for (feature, value) in row {
                let span = self.span(*feature);
                let Some(slopes) = gradient.get_mut(span) else { continue };
                for (slope, error) in slopes.iter_mut().zip(&scores) {
                    *slope += share * f64::from(*value) * error;
                }
            }
            for (slope, error) in gradient.iter_mut().skip(penalised).zip(&scores) {
                *slope += share * error;
            }
        }
        loss
    }

    fn span(&self, feature: u32) -> std::ops::Range<usize> {
        let start = feature as usize * self.labels;
        start..start + self.labels
    }
}

/// Makes probabilities of scores: softmax, or the logistic function of each.
pub(crate) fn probabilities(scores: &mut [f64], exclusive: bool) {
    if exclusive {
        let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for score in scores.iter_mut() {
            *score = (*score - highest).exp();
            sum += *score;
        }
        for score in scores {
            *score /= sum;
        }
    } else {
        for score in scores {
            *score = 1.0 / (1.0 + (-*score).exp());
        }
    }
}

/// What a label's score has to be set against: less the scores of a document's labels, it is how unlikely
/// these are. It is of scores before they are probabilities, so that nothing is rounded to zero.
fn log_partition(scores: &[f64], exclusive: bool) -> f64 {
    if exclusive {
        let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|score| (score - highest).exp()).sum();
        return highest + sum.ln();
    }
    scores.iter().map(|score| score.max(0.0) + (-score.abs()).exp().ln_1p()).sum()
}

/// A step that was taken, and how the gradient changed by it.
#[derive(Debug)]
struct Step {
    moved: Vec<f64>,
    bent: Vec<f64>,
    product: f64,
}

/// Where L-BFGS goes next (Nocedal and Wright, Numerical Optimization, algorithm 7.4).
fn descend(gradient: &[f64], memory: &[Step]) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
    let mut factors = Vec::with_capacity(memory.len());
    for step in memory.iter().rev() {
        let factor = dot(&step.moved, &direction) / step.product;
        add(&mut direction, -factor, &step.bent);
        factors.push(factor);
    }
    if let Some(last) = memory.last() {
        let scale = last.product / dot(&last.bent, &last.bent);
        direction.iter_mut().for_each(|part| *part *= scale);
    }
    for (step, factor) in memory.iter().zip(factors.into_iter().rev()) {
        let back = dot(&step.bent, &direction) / step.product;
        add(&mut direction, factor - back, &step.moved);
    }
    direction
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(vector: &[f64]) -> f64 {
    dot(vector, vector).sqrt()
}

fn add(to: &mut [f64], factor: f64, vector: &[f64]) {
    for (to, part) in to.iter_mut().zip(vector) {
        *to += factor * part;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(exclusive: bool) -> Problem {
        let row = |parts: &[(u32, f32)]| parts.to_vec();
        Problem {
            rows: vec![
                row(&[(0, 1.0)]),
                row(&[(0, 0.5), (1, 0.5)]),
                row(&[(1, 1.0)]),
                row(&[(2, 1.0)]),
                row(&[(1, 0.7), (2, 0.3)]),
            ],
            targets: vec![vec![0], vec![0], vec![1], vec![2], vec![1]],
            features: 3,
            labels: 3,
            shares: vec![0.4, 0.4, 0.2],
            exclusive,
            penalty: 0.05,
        }
    }

    #[test]
    fn the_gradient_is_that_of_the_objective() {
        for exclusive in [true, false] {
            let problem = problem(exclusive);
            let weights: Vec<f64> = (0..12).map(|index| f64::from(index % 5) / 3.0 - 0.6).collect();
            let (mut gradient, mut scrap) = (vec![0.0; 12], vec![0.0; 12]);
            problem.evaluate(&weights, &mut gradient);
            for (index, slope) in gradient.iter().enumerate() {
                let at = |by: f64, scrap: &mut [f64]| {
                    let mut moved = weights.clone();
                    moved[index] += by;
                    problem.evaluate(&moved, scrap)
                };
                let measured = (at(1e-6, &mut scrap) - at(-1e-6, &mut scrap)) / 2e-6;
                assert!((measured - slope).abs() < 1e-6, "{exclusive}, {index}: {measured} and {slope}");
            }
        }
    }

    #[test]
    fn the_fit_is_a_minimum() {
        for exclusive in [true, false] {
            let problem = problem(exclusive);
            let weights = problem.fit(200);
            let (mut start, mut end) = (vec![0.0; 12], vec![0.0; 12]);
            let (before, after) =
                (problem.evaluate(&[0.0; 12], &mut start), problem.evaluate(&weights, &mut end));
            assert!(after < before);
            assert!(norm(&end) <= norm(&start) * TOLERANCE, "{} of {}", norm(&end), norm(&start));
        }
    }

    #[test]
    fn extreme_scores_stay_finite() {
        let mut scores = [900.0, -900.0];
        assert!(log_partition(&scores, true).is_finite());
        assert!(log_partition(&scores, false).is_finite());
        probabilities(&mut scores, true);
        assert_eq!(scores, [1.0, 0.0]);
    }
}
