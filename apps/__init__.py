"""The four apps; none imports another: they speak HTTP."""
