# Completion of mct-s2s for bash. In ~/.bashrc:
#   eval "$(mct-s2s completion bash)"
_mct_s2s() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == $'\t'* ]]; then
            compopt -o default 2>/dev/null
            continue
        fi
        COMPREPLY+=("${line%%$'\t'*}")
    done < <(_MCT_S2S_COMPLETE=bash "$1" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *: ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -F _mct_s2s mct-s2s
