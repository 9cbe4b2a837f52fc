"""Graph attention of Equiformer: channelwise products of edges, a gate, a softmax."""
