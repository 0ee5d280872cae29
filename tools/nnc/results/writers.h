// The outputs of --run as files: one table of formats, by the endings of their names.
#pragma once

#include "nnc/nnc.hpp"
#include "tools/nnc/results/scene.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace command {

// What an output says in words: its integers are classes, or tokens, which are texts along the last axis.
struct Words {
  std::vector<std::int64_t> shape;
  std::vector<std::string> texts;
};

struct Outputs {
  std::vector<nnc::Array> arrays;
  std::int64_t examples = 0;
  std::map<std::string, Words> words = {};                     // by the name of the output; files of arrays have numbers
  std::map<std::string, std::vector<std::string>> labels = {}; // what the places along the last axis are called
};

// What a session knows of the names in its outputs.
Outputs outputs_of(nnc::Session const&, std::vector<nnc::Array>, std::int64_t examples);

// An output before it is computed: the first extent of a shape is -1 where there is a row for each example.
using Forms = std::vector<nnc::TensorInfo>;

struct Writer {
  char const* ending; // ".csv"
  char const* what;   // "a row for each example": for --help and the documentation
  std::string (*write)(Outputs const&);
  // Why outputs of these forms cannot be written so, and what to do instead; empty: they can.
  struct Refusal {
    std::string why, help;
  };
  Refusal (*refuses)(Forms const&) = nullptr;
};

std::span<Writer const> writers();
// By the ending of the name; a name without one (standard output, a device, "results") is of JSON lines. Nothing where
// no writer has this ending.
Writer const* writer_of(std::string const& file);
// "*.jsonl, *.csv, ...": the endings of the table.
std::string endings_that_are_written();
// ".csv" of "out/table.CSV"; empty: there is none.
std::string ending_of(std::string const& file);

// Throws nnc::Failure where the file of this name cannot hold such outputs: before anything is trained.
void check_outputs(std::string const& file, Forms const&);
std::string written(std::string const& file, Outputs const&); // throws nnc::Failure

// The writers, in the order of the table.
std::string json_lines(Outputs const&);
std::string csv(Outputs const&);
std::string npy(Outputs const&);
std::string npz(Outputs const&);
std::string safetensors(Outputs const&);
std::string picture_grid(Outputs const&);
Scene picture_grid_scene(Outputs const&);

Writer::Refusal csv_refuses(Forms const&);
Writer::Refusal npy_refuses(Forms const&);
Writer::Refusal picture_grid_refuses(Forms const&);

} // namespace command
