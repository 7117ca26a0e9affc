//! Making new inputs out of old ones.

/// A source of inputs; the same seed gives the same ones.
#[derive(Debug)]
pub struct Mutation {
    state: u64,
}

impl Mutation {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            state: seed ^ 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// A number below `end`; 0 if that is 0. Xorshift: quick, and random enough to hit everything.
    pub fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let wide = u128::from(self.state) * u128::try_from(end).unwrap_or(u128::MAX >> 64);
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// Changes an input in one to eight places, with words of its language and parts of others.
    pub fn mutate(&mut self, input: &mut Vec<u8>, words: &[&str], others: &[Vec<u8>]) {
        for _ in 0..=self.below(8) {
            match self.below(8) {
                0 => self.flip(input),
                1 => self.remove(input),
                2 => self.repeat(input),
                3 => self.splice(input, others),
                4 => self.swap(input),
                5 => {
                    let byte = u8::try_from(self.below(256)).unwrap_or(0);
                    self.insert(input, &[byte]);
                }
                _ => {
                    if !words.is_empty() {
                        let word = words[self.below(words.len())];
                        self.insert(input, word.as_bytes());
                    }
                }
            }
        }
    }

    fn flip(&mut self, input: &mut [u8]) {
        let at = self.below(input.len());
        let bit = self.below(8);
        if let Some(byte) = input.get_mut(at) {
            *byte ^= 1 << bit;
        }
    }

    /// A range of at most 32 bytes.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let end = start + self.below((length - start).min(32) + 1);
        start..end
    }

    fn remove(&mut self, input: &mut Vec<u8>) {
        let range = self.range(input.len());
        input.drain(range);
    }

    fn repeat(&mut self, input: &mut Vec<u8>) {
        let range = self.range(input.len());
        let part = input[range].to_vec();
        self.insert(input, &part);
    }

    fn splice(&mut self, input: &mut Vec<u8>, others: &[Vec<u8>]) {
        if others.is_empty() {
            return;
        }
        let other = &others[self.below(others.len())];
        let range = self.range(other.len());
        self.insert(input, &other[range]);
    }

    fn swap(&mut self, input: &mut [u8]) {
        let (one, two) = (self.below(input.len()), self.below(input.len()));
        if one.max(two) < input.len() {
            input.swap(one, two);
        }
    }

    fn insert(&mut self, input: &mut Vec<u8>, part: &[u8]) {
        let at = self.below(input.len() + 1);
        input.splice(at..at, part.iter().copied());
    }
}
