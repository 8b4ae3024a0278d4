// Package installation is the aggregate of the installation itself: the one stream of what all its nodes have to agree on.
//
// # The model
//
// Unit ids are stored as hashes under keys that are made from a secret (see measurement.Pseudonym). A node with another secret
// would store the same unit under another name and so quietly take one visitor for two. The log therefore keeps a check value of
// the secret, which says nothing about it, and a node whose secret has another one does not start.
package installation
