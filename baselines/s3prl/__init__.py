"""The other side of the comparison: SUPERB's downstream models on s3prl's upstreams."""
