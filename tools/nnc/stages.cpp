#include "tools/nnc/stages.h"

#include "tools/nnc/output.h"

#include <cerrno>
#include <filesystem>
#include <fmt/core.h>

namespace command {

void Stages::watch(nnc::Options& options, Screen& screen) {
  options.on_stage = [this, &screen](std::string const& name, bool changed, auto const& text) {
    passes_ += name != "elaborate";
    if (line_.check_each && name != "elaborate")
      screen.say(fmt::format("{:<16} {}", name, changed ? "every value kept" : "changed nothing"));
    if (line_.dump == name || line_.dump == "all") stage(name, changed, text());
  };
  if (line_.time || !line_.report.empty())
    options.on_time = [this](std::string const& name, double ms, std::size_t nodes) {
      times_.push_back({name, ms, nodes});
    };
}

// A pass may stand in the pipeline more than once; its last text counts. All stages: files 00-elaborate.ir, 01-...
void Stages::stage(std::string const& name, bool changed, std::string const& text) {
  auto const marked = changed ? text : fmt::format("# {} changed nothing\n{}", name, text);
  int const number = number_++;
  if (!line_.dump_dir.empty()) {
    std::error_code error;
    std::filesystem::create_directories(line_.dump_dir, error);
    write_output(fmt::format("{}/{:02}-{}.ir", line_.dump_dir, number, name), marked);
  } else if (line_.dump == "all") {
    dump_ += fmt::format("# ---- {} ----\n{}\n", name, marked);
  } else {
    dump_ = text;
  }
}

void Stages::print_check(Screen& screen) const {
  if (line_.check_each)
    screen.say(fmt::format("checked after each of {} passes: well formed, and every value kept", passes_));
}

void Stages::check_dump() const {
  if (!line_.dump.empty() && number_ == 0)
    throw nnc::Failure(nnc::Code::argument,
                       fmt::format("error: the stage {} does not run with these passes", line_.dump));
}

void Stages::write_dump() const {
  if (!dump_.empty()) write_output(line_.emit.empty() && !line_.run ? line_.output : "", dump_);
}

void Stages::print_times(Screen& screen) const {
  if (!line_.time) return;
  double total = 0;
  screen.say(fmt::format("{:<32} {:>9} {:>8}", "stage", "ms", "nodes"));
  for (auto const& time : times_) {
    screen.say(fmt::format("{:<32} {:>9.2f} {:>8}", time.stage, time.milliseconds, time.nodes));
    total += time.milliseconds;
  }
  screen.say(fmt::format("{:<32} {:>9.2f}", "compiled in", total));
}

} // namespace command
