local curcontext=$curcontext state state_descr line
local -A opt_args

# The servers of the configuration that is named, or else of the system's.
_fairlead_servers() {
  local config=${opt_args[--config]:-/etc/fairlead/config.json}
  local -a servers
  servers=(${(f)"$(fairlead check --config ${~config} --print 2>/dev/null |
    sed -n '/"servers": \[/,/\]/s/^ *"\([^"]*\)",\{0,1\}$/\1/p')"})
  compadd -a servers
}

_fairlead_commands() {
  _describe command commands
}

_arguments -C \
  '(- *)'{-h,--help}'[explain]' \
  '(- *)--version[print the version]' \
  '1:command:_fairlead_commands' \
  '*::argument:->argument'

if [[ $state == argument ]]; then
  local -a reply
  curcontext=${curcontext%:*}-$words[1]:
  _fairlead_describe $words[1]
  (( $#reply )) && _arguments $reply
fi
