# shellcheck shell=bash
# shellcheck disable=SC2154 # the arrays, which are made of the table
# What every word in front of the last one is: sets command, count (operands
# behind it), option (whose value the last word is) and config.
_fairlead_read() {
  local i=1 word
  command='' count=0 option='' config=/etc/fairlead/config.json
  while ((i < ${#words[@]} - 1)); do
    word=${words[i++]}
    case $word in
    --config=*) config=${word#*=} ;;
    -*)
      [[ -n ${_fairlead_values[$word]+is} ]] || continue
      if ((i == ${#words[@]} - 1)); then
        option=$word
      elif [[ $word == --config ]]; then
        config=${words[i]}
      fi
      ((i++))
      ;;
    *)
      if [[ -z $command ]]; then command=$word; else ((++count)); fi
      ;;
    esac
  done
}

# The servers of a configuration, one a line.
_fairlead_servers() {
  "${words[0]}" check --config "${config/#\~\//$HOME/}" --print 2>/dev/null |
    sed -n '/"servers": \[/,/\]/s/^ *"\([^"]*\)",\{0,1\}$/\1/p'
}

# The completions of "$cur" to be had for a kind of value, or from words.
_fairlead_offer() {
  case $1 in
  @file)
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    ;;
  @user) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
  @command)
    mapfile -t COMPREPLY < <(compgen -W "${!_fairlead_options[*]}" -- "$cur")
    ;;
  @server)
    mapfile -t COMPREPLY < <(compgen -W "$(_fairlead_servers)" -- "$cur")
    ;;
  *) mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur") ;;
  esac
}

_fairlead() {
  local line=${COMP_LINE:0:COMP_POINT} words cur command count option config
  COMPREPLY=()
  # By blanks alone: readline also divides words at colons and equals signs.
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  cur=${words[${#words[@]} - 1]}
  _fairlead_read
  if [[ -z $option && $cur == --*=* ]]; then
    option=${cur%%=*} cur=${cur#*=}
  fi
  if [[ -n $option ]]; then
    _fairlead_offer "${_fairlead_values[$option]}"
  elif [[ -z $command && $cur == -* ]]; then
    _fairlead_offer '--help --version'
  elif [[ -z $command ]]; then
    _fairlead_offer @command
  elif [[ $cur != -* && -n ${_fairlead_operands[$command:$count]+is} ]]; then
    _fairlead_offer "${_fairlead_operands[$command:$count]}"
  else
    _fairlead_offer "${_fairlead_options[$command]}"
  fi
  # Only what stands behind the last colon or equals sign is replaced.
  local kept=${cur%"${cur##*[:=]}"}
  COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}

complete -F _fairlead fairlead
