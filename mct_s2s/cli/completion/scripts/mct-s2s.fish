# Completion of mct-s2s for fish. Once:
#   mct-s2s completion fish > ~/.config/fish/completions/mct-s2s.fish
function __mct_s2s_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (_MCT_S2S_COMPLETE=fish $words[1] $words[2..-1] "$current" 2>/dev/null)
        if string match -q -- \t'*' $line
            __fish_complete_path "$current"
        else
            printf '%s\n' $line
        end
    end
end
complete -c mct-s2s -f -a '(__mct_s2s_complete)'
