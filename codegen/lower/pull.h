// Pulling: the value of an element of a tensor as an expression of elements of the kernel's operands. An elementwise
// operator pulls its operands at the same index, an operator that moves data at another one, a reduction in loops of
// its own, in its order; what comes from outside of the kernel is loaded. Nothing is stored.
#pragma once

#include "codegen/lower/index.h"
#include "codegen/lower/storage.h"
#include "ir/scratch.h"

#include <functional>
#include <unordered_map>

namespace nnc {

// What a reduction does with each element: accumulators that start as scalars, one step per element, and how the
// accumulators of two lanes or blocks become one.
struct Fold {
  std::vector<Ref> starts;
  std::vector<OpCode> joins;
  std::vector<Node const*> sums = {}; // per accumulator its node, where the order may have blocks
  std::function<std::vector<Ref>(std::vector<Ref> const& accumulators, std::vector<At> const& at)>
      step;                                // at: per reduced axis
  bool unrolled = false;                   // a chain without loops, of which all extents are known
  std::vector<std::vector<i64>> cuts = {}; // per reduced axis, or none: where its loop is cut (ir/cuts.h)
};

// The pieces of a loop from `begin` to `end`, `width` elements at a time from `begin` on, when it is cut: the vectors
// that hold both sides of a cut are pieces of their own.
struct Piece {
  i64 begin, end;
};
std::vector<Piece> pieces_of(i64 begin, i64 end, i64 width, std::vector<i64> const& cuts);

class Puller {
public:
  Puller(LoopBuilder& builder, Storage const& storage, Node const& kernel, Target const& target);
  Puller(Puller const&) = delete;
  Puller& operator=(Puller const&) = delete;

  // The element at `index` (of each lane): a scalar when it is the same for all lanes, else as many as there are lanes.
  Ref pull(ValueId, Index const&);

  // From now on the value is taken from here: accumulators of a contraction, the sum of a row, a row's buffer.
  using Provider = std::function<Ref(Index const&)>;
  void provide(ValueId v, Provider p);
  // The sums of a contraction at several points, in one walk.
  std::vector<Ref> sums_at(Node const&, std::vector<Index> const&);
  // Like `pull`, past the provider and the memory of what was pulled.
  Ref make(ValueId, Index const&);

  // Folds over the reduced axes in the given order. `chain`: what the steps pull may differ from lane to lane. `lanes`:
  // the context must have one lane; the steps see 16, along the innermost reduced axis.
  std::vector<Ref> fold(std::vector<Dim> const& extents, Order, Fold const&);
  // The fold of reduce_sum, _prod, _max, _min of a node, whose result is wanted at `kept`.
  Fold fold_of(Node const& reduce, Index const& kept);

  // Makes code for other lanes (the last ones of a run, 16 of a row, one).
  LaneContext const& lanes() const { return lanes_; }
  void set_lanes(LaneContext l) { lanes_ = l; }

  // Loops forget what was pulled inside of them.
  LoopBuilder::Open open(Ref begin, Ref end, i64 step = 1, std::vector<Ref> initial = {}, bool sure = false);
  std::vector<Ref> close(std::vector<Ref> next = {});

  LoopBuilder& builder() { return b_; }
  Indexer& indexer() { return indexer_; }
  Storage const& storage() const { return storage_; }
  Node const* node_of(ValueId v) const; // null: from outside of the kernel
  Shape const& shape(ValueId v) const { return storage_.function.type(v).shape; }
  DType dtype(ValueId v) const { return storage_.function.type(v).dtype; }
  int buffer_at(Place const&);
  int buffer_of(ValueId); // of a value from outside of the kernel
  // What the plan has for this use; -1: nothing.
  int scratch(char const* name, ScratchBuffer::Use, ValueId of = no_value);
  Ref lane_mask(); // lane < limit

  // True while rows beyond the batch are computed: what is not in a slot is then read at its last row, and only `valid`
  // rows count what they clamp.
  void set_padded_rows(bool padded, Ref valid = no_ref) { padded_rows_ = padded, valid_ = valid; }

  // Where a node at a point of its space (ir/index_map.h) reads an operand, and under which condition there is such an
  // element.
  struct Read {
    Index index;
    Ref condition = no_ref; // no_ref: always
    bool never = false;     // known now, as the condition is
  };
  Read read_at(Node const&, size_t operand, Index const& point, Shape const& space);
  // Where position `at` of a result lies in an operand of this extent that starts at `start` with its elements `step`
  // apart: the index, clamped to what exists, and whether there is one.
  struct Inside {
    At at;
    Ref condition;
    bool never = false;
  };
  Inside inside(At, Dim const& start, i64 step, Dim const& extent);
  // An index that the data hold, clamped so that a run of elements from it on fits a table of so many; what had to be
  // clamped is counted, unless the node says that it has been, where `counts` holds.
  Ref clamped(Node const&, Ref index, Dim const& count_of_table, Dim const& run, Ref counts = no_ref);
  Ref without_sign_of_zero(Ref sum);
  void count(Counter, Ref condition);

private:
  struct MemoKey {
    ValueId value;
    int lanes;
    Ref limit;
    Index index;
    bool operator==(MemoKey const&) const = default;
  };
  struct MemoHash {
    size_t operator()(MemoKey const&) const;
  };

  Ref make_node(Node const&, Index const&);
  // pull.cpp: loads and elementwise nodes
  Ref load(ValueId, Index const&);
  Ref load_at(int buffer, DType, At);
  Index rows_within_batch(Index const&, Shape const&);
  Ref elementwise(Node const&, Index const&);
  // move.cpp: nodes that move data
  Ref moved(Node const&, Index const&);
  At guarded(IndexMap::Coordinate const&, Dim const& count, Index const& point, Shape const& space, Read&);
  std::optional<LoopBuilder::Range> range(At) const;
  At index_by_data(Node const&, size_t operand, Dim const& table, Dim const& run, Index const& point,
                   Shape const& space);
  Ref iota(Node const&, Index const&);
  Ref random(Node const&, Index const&);
  // fold.cpp: reductions and contractions
  Ref reduce(Node const&, Index const&);
  Ref arg(Node const&, Index const&);
  Ref dot(Node const&, Index const&);
  Ref each_lane(Node const&, Index const&);
  using Sums = PointwiseSchedule::Sums;
  Sums walk_of_sums() const;
  std::vector<Ref> blocks(std::vector<Dim> const&, Order, Fold const&);
  std::vector<Ref> part(std::vector<Dim> const&, Order::Kind, Fold const&, Ref begin, Ref end, std::vector<At> const&);
  std::vector<Ref> axis(std::vector<Dim> const&, Order::Kind, Fold const&, Ref begin, Ref end, std::vector<Ref>,
                        std::vector<At>);
  std::vector<Ref> along_lanes(Fold const&, Ref begin, Ref end, std::vector<Ref>, std::vector<At> const&);
  int levels_of(std::vector<Node const*> const& sums);
  std::vector<Ref> step_lanes(Fold const&, Ref at, LaneContext, std::vector<Ref> const&, std::vector<At>);

  LoopBuilder& b_;
  Storage const& storage_;
  Node const& kernel_;
  Scratch const plan_;
  std::unordered_map<ValueId, Node const*> nodes_;
  std::unordered_map<Node const*, int> levels_; // of the sums of which this node is the first: their buffer
  i64 bytes_of_levels_ = 0;                     // that have one
  std::unordered_map<ValueId, Provider> provided_;
  std::vector<std::unordered_map<MemoKey, Ref, MemoHash>> scopes_;
  LaneContext lanes_;
  Indexer indexer_{b_, lanes_};
  bool padded_rows_ = false;
  Ref valid_ = no_ref;
};

// Where a fold with this operator starts: its neutral element.
Scalar start_of(OpCode join, DType);

// Does an extent depend on the batch?
bool has_batch(Shape const&);

} // namespace nnc
