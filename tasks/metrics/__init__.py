"""Metrics: every one a function of summed per-utterance statistics, so it can be bootstrapped."""
