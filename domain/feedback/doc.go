// Package feedback is the aggregate of what one person has said in their own words about a product, and of its erasure. It is for
// ingestion, which records what people say, and for whoever answers a person's wish to be forgotten.
//
// # The model
//
// A person is a subject: a pseudonym (see measurement.Pseudonyms), never the id by which the product knows them. What they said is
// sealed under a key of their own before it comes here; the events hold sealed bytes, and beside them only what names nobody:
// when, where, about which experiment, and a score. The keys are kept elsewhere. Erasing a subject deletes the key, and
// SubjectErased records that it was done, by whom and why; the log stays whole, but nobody can read those bytes any more, in it, in
// what is folded from it, and in any copy.
//
// An id stays known after the erasure, so that a sender who tries again brings nothing back. What a subject says afterwards is
// sealed under a new key and may be read until it is erased in turn.
package feedback
