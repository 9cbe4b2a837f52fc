"""The interaction of NequIP: a channelwise convolution between linear maps, and a gate."""
