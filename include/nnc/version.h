// The version of this release: the one place that says it. CMake, the command and both APIs read it here.
#ifndef NNC_VERSION_H
#define NNC_VERSION_H

#define NNC_VERSION "0.2.0"
#define NNC_VERSION_MAJOR 0
#define NNC_VERSION_MINOR 2
#define NNC_VERSION_PATCH 0

#endif
