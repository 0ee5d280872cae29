// What is elaborated, and where elaboration has come to: the call that runs, and the graph that grows meanwhile.
#pragma once

#include "frontend/elaborate/graph.h"
#include "frontend/elaborate/scope.h"

namespace nnc::front {

// Of the batches in a row of all phases, `count` behind the first `before` belong to this one.
struct Turn {
  i64 cycle = 1, before = 0, count = 1;
};

struct Context {
  Program& program;
  FileScope& main;
  Settings const& settings;
  Elaborated& out;
  std::shared_ptr<NodeLimit> limit; // of all graphs together
  syntax::Model const* model = nullptr;
  syntax::Train const* train = nullptr;

  Turn turn;                    // of the phase whose updates are being built
  Graph* graph = nullptr;       // none: everything is computed while compiling
  Frame* frame = nullptr;       // of the innermost call
  char const* region = nullptr; // "scan", "cond": what is being built stands in one

  bool is_in_library() const { return frame && frame->file && frame->file->is_std; }
  bool is_training() const {
    return graph && (graph->kind == Graph::Kind::training || graph->kind == Graph::Kind::update);
  }
  size_t nodes_so_far() const { return graph ? graph->function.body.nodes.size() : 0; }
};

struct FrameGuard { // enters a frame, leaves it whatever happens
  FrameGuard(Context& c, Frame& f) : now(c), before(c.frame) { now.frame = &f; }
  ~FrameGuard() { now.frame = before; }
  FrameGuard(FrameGuard const&) = delete;
  FrameGuard& operator=(FrameGuard const&) = delete;
  Context& now;
  Frame* before;
};

struct GraphGuard {
  GraphGuard(Context& c, Graph* g) : now(c), before(c.graph) { now.graph = g; }
  ~GraphGuard() { now.graph = before; }
  GraphGuard(GraphGuard const&) = delete;
  GraphGuard& operator=(GraphGuard const&) = delete;
  Context& now;
  Graph* before;
};

} // namespace nnc::front
