// The files that a command line reads and writes. An output that is an input or another output is refused before
// anything is written, by whatever spelling, symbolic or hard link it is named. Devices and pipes are no files that
// could be lost.
//
// `--load w --save w` is refused as well: it would replace what a checkpoint holds beside the weights. --resume goes on
// from one.
#pragma once

#include "tools/nnc/switches.h"

#include <sys/types.h>

namespace command {

// Where the header of an object goes: softmax.h beside softmax.o. Nothing for an object that goes into no file.
std::string header_beside(std::string const& object);

class Paths {
public:
  explicit Paths(Line const&); // throws Mistake
  // A file that turns out to be read: an import, a file of a data set. Throws Mistake.
  void read(std::string const& path, std::string const& what);

private:
  // A file that is there is known by its device and node, any by the place that its links lead to.
  struct Identity {
    bool exists = false, is_file = true;
    dev_t device = 0;
    ino_t node = 0;
    std::string place;
  };
  struct Used {
    std::string name; // "--save", "the program"
    std::string path;
    Identity identity;
  };
  static Identity identity_of(std::string const& path);
  static bool same(Identity const&, Identity const&);
  void write(std::string const& name, std::string const& path);
  void expect_outside_of_dumps(Used const&) const;

  std::vector<Used> read_, written_;
  std::string dump_dir_;
};

} // namespace command
