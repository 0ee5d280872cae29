// What --dump, --check and --time show of the compilation.
#pragma once

#include "nnc/nnc.hpp"
#include "tools/nnc/screen.h"
#include "tools/nnc/switches.h"

namespace command {

class Stages {
public:
  struct Time {
    std::string stage;
    double milliseconds;
    std::size_t nodes;
  };
  explicit Stages(Line const& line) : line_(line) {}
  void watch(nnc::Options&, Screen&); // sets the callbacks that the line asks for
  void check_dump() const;            // throws Failure if the stage of --dump has not come
  void print_check(Screen&) const;
  void write_dump() const; // what --dump asked for, also when a later stage failed
  void print_times(Screen&) const;
  std::vector<Time> const& times() const { return times_; } // where the line asks for them

private:
  void stage(std::string const& name, bool changed, std::string const& text);

  Line const& line_;
  int number_ = 0;
  int passes_ = 0; // that have run
  std::string dump_;
  std::vector<Time> times_;
};

} // namespace command
