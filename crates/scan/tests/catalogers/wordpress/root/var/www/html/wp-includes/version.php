<?php
/**
 * @global string $wp_version
 */
$wp_version = '5.8.1';
