# The servers of the configuration that is named, or else of the system's.
function __fairlead_servers
    set -l config /etc/fairlead/config.json
    set -l words (commandline -opc)
    for i in (seq (count $words))
        if test $words[$i] = --config; and set -q words[(math $i + 1)]
            set config $words[(math $i + 1)]
        else if string match -q -- '--config=*' $words[$i]
            set config (string replace -- --config= '' $words[$i])
        end
    end
    fairlead check --config $config --print 2>/dev/null |
        sed -n '/"servers": \[/,/\]/s/^ *"\([^"]*\)",\{0,1\}$/\1/p'
end

complete -c fairlead -f
