// The handles of programs and sessions: an object of the C++ API, and what the host was shown of it.
#pragma once

#include "runtime/c/values.h"

#include <map>
#include <mutex>

struct nnc_program {
  nnc::Program program;
  std::vector<nnc::TensorInfo> inputs, outputs, parameters;
  std::vector<nnc::Number> scalars;
  std::vector<std::string> reports;
};

struct nnc_session {
  explicit nnc_session(nnc::Session session) : session(std::move(session)) {}
  nnc::Session session;
  nnc::Reports reports; // of the last call that gave some
  nnc::c::Numbers values;
  nnc::c::Tables tables;
  nnc::Trained trained;
  nnc::BadStep bad;
  std::map<std::string, nnc::ParameterView> views;
};

struct nnc_bound {
  explicit nnc_bound(nnc::Bound bound) : bound(std::move(bound)) {}
  nnc::Bound bound;
  nnc::c::Numbers values;
  nnc::c::Tables tables;
};

namespace nnc::c {

Part part_of(nnc_part); // throws Failure for what is none

} // namespace nnc::c
