// Index maps: which elements of its operands a node reads. An operator states them once, in its entry; fusion, memory
// places, schedules, plain views, bounds of index data and the addresses in generated code are derived from them.
//
// The *space* of a node is the axes of its result, followed by the axes that it sums or folds away. For one operand and
// one point of the space the map gives the element that is read there, one coordinate after the other:
//
//     coordinate = (offset + sum of step * index along an axis of the space) / divide
//
//     broadcast  [3] -> [2,3]                     (a, b) reads (b)
//     slice      from 1 by steps of 2             (i) reads (1 + 2 i)
//     reverse    [n]                              (i) reads (n-1 - i)
//     reshape    [24] -> [4,6]                    (a, b) reads (6 a + b)
//     reshape    [4,6] -> [24]                    (i) reads i as one index over both axes
//     pad        1 in front, 1 in between         (i) reads ((i - 1) / 2) where there is such an element
//     dot        [m,k] x [k,n] -> [m,n]           (m, n, k) reads (m, k) and (k, n)
//     gather     rows r of [v,d] -> [n,d]         (i, j) reads (r[i], j)
//     gather     runs of 3 from r on -> [n,3,d]   (i, k, j) reads (r[i] + k, j)
//
// A node that only moves elements (trait `moves_data`) gives, at each point, the element of the first operand that has
// one there: the guards of a pad leave the rest to the fill value, those of a concat to the parts that follow.
#pragma once

#include "ir/module.h"

#include <optional>

namespace nnc {

struct IndexMap {
  struct Term {
    i64 axis = 0; // of the space
    Dim step = 1;
    bool operator==(Term const&) const = default;
  };
  struct Coordinate {
    int axes = 1;            // so many neighbouring axes of the operand, indexed as one, row-major
    std::vector<Term> terms; // by increasing axis
    Dim offset = 0;
    i64 divide = 1;
    bool guarded = false; // there may be no such element: outside of the extent, or the division leaves a rest
    bool by_data = false; // plus what operand 1 holds, clamped so that what the terms add stays within; no offset
    bool operator==(Coordinate const&) const = default;
    bool is_affine() const { return divide == 1 && !guarded && !by_data; }
    bool is_axis(i64 axis) const { // exactly one index of the space
      return axes == 1 && is_affine() && offset == Dim(0) && terms.size() == 1 && terms[0] == Term{axis, 1};
    }
  };
  std::vector<Coordinate> coordinates; // cover the axes of the operand in order
  bool operator==(IndexMap const&) const = default;
};

// What an operator's entry sees.
struct MapQuery {
  Function const& function;
  Node const& node;
  size_t operand;
  Shape const& shape(size_t i) const { return function.type(node.operands[i]).shape; }
  Shape const& read() const { return shape(operand); }
  Shape const& result() const { return function.type(node.result()).shape; }
  template <class T>
  T const& attribute(std::string_view name) const {
    return node.attributes.get<T>(name);
  }
};

// Of one operand of a node. Nothing where the elements that are read are no function of the point (the updates of a
// scatter_add, operands of structural nodes).
std::optional<IndexMap> index_map(Function const&, Node const&, size_t operand);
// The extents of the axes of the result and of those that the node sums or folds away.
Shape space_of(Function const&, Node const&);

// Each coordinate is the axis of its number.
bool is_prefix(IndexMap const&);
// ... and the space has no further axis. Extents may differ: a slice from 0 on reads each element at its own index.
bool is_identity(IndexMap const&, size_t space_rank);
// Does element i of the result read this operand at i, or at the first indices of i?
bool reads_in_step(Function const&, Node const&, size_t operand);
// Axes of the space in their order, perhaps not all of them: what a broadcast reads.
bool is_selection(IndexMap const&);
bool depends_on_data(IndexMap const&);
bool is_guarded(IndexMap const&);

// Which elements of an operand are read through two nodes: `inner` reads it for a tensor of shape `between`, which
// `outer` reads. Nothing where that is no map (a digit of a sum, a guard on a sum).
std::optional<IndexMap> compose(IndexMap const& outer, IndexMap const& inner, Shape const& between,
                                Shape const& operand);

// Where elements lie in memory: element (i0, i1 ...) at offset + sum of step * index.
struct Strides {
  std::vector<Dim> steps;
  Dim offset = 0;
  bool operator==(Strides const&) const = default;
};
Strides row_major(Shape const&);
// Where the elements lie that are read from an operand of this shape which lies as `operand` says, by axes of the
// space; nothing where no strides say it.
std::optional<Strides> strides_through(IndexMap const&, Shape const& shape, Strides const& operand, size_t space_rank);

// The terms of a coordinate on the axes [first, last) of the space as a multiple of the row-major index over these
// axes; 0 when there are none, nothing when they are no multiple.
std::optional<Dim> step_along(IndexMap::Coordinate const&, Shape const& space, size_t first, size_t last);
// From coordinate number `c`, at axis `axis` of the operand, on: the fewest coordinates that, seen as one index over
// all their axes, need no index inside of a run of axes of the space. Nothing where there are none such. `runs`: how
// many axes of the space each run has.
std::optional<IndexMap::Coordinate> along_runs(IndexMap const&, size_t c, Shape const& operand, size_t axis,
                                               Shape const& space, std::vector<int> const& runs, size_t& count);
// Is the index along the axes [first, last) of the space, seen row-major as one, enough for the map? Neighbouring axes
// that no coordinate needs apart can be walked by one loop.
bool reads_as_one(IndexMap const&, Shape const& operand, Shape const& space, size_t first, size_t last);

// All elements of the operand, in row-major order.
bool is_row_major(IndexMap const&, Shape const& operand, Shape const& space);
// A node that gives these and nothing else: it may share the bytes of its operand.
bool is_alias(Function const&, Node const&);
// Every element of the operand is read at some point of the space.
bool reads_every_element(IndexMap const&, Shape const& operand, Shape const& space);

} // namespace nnc
